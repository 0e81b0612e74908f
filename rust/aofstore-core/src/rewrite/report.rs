//! What the child tells the parent at its end: one [`Report`], in one write through a pipe of its own.
//!
//! Written by `child`, read by whoever waits for it. INVARIANT: a report is shorter than `PIPE_BUF`, so it arrives
//! whole or not at all, and it is the first witness of a rewrite: the exit status is only the second, since a host
//! that waits for any child, or ignores SIGCHLD, takes it away.

use rustix::io::retry_on_intr;
use std::io;
use std::os::fd::AsFd;

/// Where the child is; in the order in which it passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Step {
    /// The keyspace is being written.
    Dumping,
    /// The dump is written; its sync comes next (P-10).
    EarlySync,
    /// Taking what the parent still sends (P-11).
    Draining,
    /// Before the `!` (P-12).
    Asking,
    /// After the `!`, before the answer is read (P-14).
    Waiting,
    /// The answer is here; the last bytes are still in the pipe (P-16).
    Agreed,
    /// The whole file is durable; the report comes next.
    Synced,
    /// The report is sent.
    Done,
}

impl Step {
    pub const ALL: [Self; 8] = [
        Self::Dumping,
        Self::EarlySync,
        Self::Draining,
        Self::Asking,
        Self::Waiting,
        Self::Agreed,
        Self::Synced,
        Self::Done,
    ];

    /// For messages and for the names in tests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dumping => "dumping",
            Self::EarlySync => "early-sync",
            Self::Draining => "draining",
            Self::Asking => "asking",
            Self::Waiting => "waiting",
            Self::Agreed => "agreed",
            Self::Synced => "synced",
            Self::Done => "done",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    pub(super) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }
}

/// Where the child stopped, and the system's number for why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) errno: i32,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Whether the file is complete and durable; the counts of a failed one are how far it came.
    pub ok: bool,
    /// The last step reached; of a failure, the one that failed.
    pub step: Step,
    /// 0 if `ok`. ETIMEDOUT: the answer did not come in time (P-15); EPIPE: the parent closed its ends; EPROTO:
    /// it answered something else.
    pub errno: i32,
    pub keys: u64,
    /// Length of the whole file, the received difference included.
    pub bytes: u64,
    /// The received difference: the last `diff_bytes` of the file.
    pub diff_bytes: u64,
    /// Memory that was copied because one of the two processes changed it.
    pub cow_bytes: u64,
}

impl Report {
    const SIZE: usize = 40;

    /// `None`: the child is gone without a word. `WouldBlock`: nothing there yet.
    pub fn read(from: impl AsFd) -> io::Result<Option<Self>> {
        let mut bytes = [0; Self::SIZE];
        match retry_on_intr(|| rustix::io::read(&from, &mut bytes))? {
            0 => Ok(None),
            Self::SIZE => Self::from_bytes(bytes).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Whether all of it is in the pipe.
    pub(super) fn write(&self, to: impl AsFd) -> bool {
        let bytes = self.to_bytes();
        retry_on_intr(|| rustix::io::write(&to, &bytes)) == Ok(Self::SIZE)
    }

    fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[0] = u8::from(self.ok);
        bytes[1] = self.step as u8;
        bytes[4..8].copy_from_slice(&self.errno.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.keys.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.diff_bytes.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.cow_bytes.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; Self::SIZE]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        let (keys, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (diff_bytes, rest) = rest.split_first_chunk()?;
        let (cow_bytes, _) = rest.split_first_chunk()?;
        let [ok, step, _, _, errno @ ..] = *head;
        Some(Self {
            ok: ok != 0,
            step: Step::from_number(step.into())?,
            errno: i32::from_le_bytes(errno),
            keys: u64::from_le_bytes(*keys),
            bytes: u64::from_le_bytes(*length),
            diff_bytes: u64::from_le_bytes(*diff_bytes),
            cow_bytes: u64::from_le_bytes(*cow_bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_comes_out_as_it_went_in() {
        let report = Report {
            ok: true,
            step: Step::Synced,
            errno: -7,
            keys: 1,
            bytes: u64::MAX,
            diff_bytes: 1 << 40,
            cow_bytes: 4096,
        };
        let (read, write) = std::io::pipe().unwrap();
        assert!(report.write(&write));
        assert_eq!(Report::read(&read).unwrap(), Some(report));
        drop(write);
        assert_eq!(Report::read(&read).unwrap(), None);
    }

    #[test]
    fn half_a_report_is_none() {
        let (read, write) = std::io::pipe().unwrap();
        rustix::io::write(&write, &[0; 39]).unwrap();
        assert_eq!(Report::read(&read).unwrap_err().kind(), io::ErrorKind::InvalidData);
        rustix::io::write(&write, &[9; 40]).unwrap();
        assert_eq!(Report::read(&read).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn every_step_has_one_name_and_number() {
        for step in Step::ALL {
            assert_eq!(Step::from_name(step.name()), Some(step));
            assert_eq!(Step::from_number(step as u32), Some(step));
        }
        assert_eq!(Step::from_number(8), None);
        assert!(Step::Dumping < Step::Done);
    }
}
