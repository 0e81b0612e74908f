//! One batch into the file, and the way back when it does not fit.
//!
//! Called only by the one thread that owns the file's end at that moment (`commit`). Either the whole batch is
//! in the file, or the file is again as long as before, or the failure says how many torn bytes stayed.

use crate::fs::{File, errno, uninterrupted};
use std::io;

/// Linux moves at most 2 GiB - 4 KiB in one call, so a longer batch needs several by design.
const LARGEST_PIECE: usize = 1 << 30;

/// Breaks one rule on purpose, so that crash tests can show that they would notice.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Control {
    #[default]
    None,
    /// Acknowledge with the bytes still in memory.
    AckBeforeWrite,
    /// Under `always`, acknowledge before the sync.
    AckBeforeSync,
    /// Call a second fdatasync after a failed one and believe it.
    RetryAfterFsyncError,
    /// Take a short write for a whole one.
    IgnoreShortWrite,
    /// Leave the bytes of a short write and append the batch again behind them.
    SkipCutOff,
    /// Do not sync the directory after making or renaming the file.
    SkipDirSync,
    /// Give a rewritten file its name first and sync it then.
    RenameBeforeSync,
    /// Append to a rewritten file what was pending for the old one, though it holds that already.
    KeepBufferAtSwitch,
    /// Begin a sync without letting out who is covered already and was passed over for it.
    LeaveCovered,
    /// Go on in the next increment with the one before it unsynced.
    SkipOldSync,
    /// Publish a manifest before the base that it names is synced.
    ManifestBeforeBase,
    /// Remove old files though the directory could not be synced.
    DeleteUnproven,
}

impl Control {
    const ALL: [Self; 13] = [
        Self::None,
        Self::AckBeforeWrite,
        Self::AckBeforeSync,
        Self::RetryAfterFsyncError,
        Self::IgnoreShortWrite,
        Self::SkipCutOff,
        Self::SkipDirSync,
        Self::RenameBeforeSync,
        Self::KeepBufferAtSwitch,
        Self::LeaveCovered,
        Self::SkipOldSync,
        Self::ManifestBeforeBase,
        Self::DeleteUnproven,
    ];

    pub(super) fn from_u64(raw: u64) -> Self {
        Self::ALL.get(raw as usize).copied().unwrap_or_default()
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|control| format!("{control:?}").eq_ignore_ascii_case(&name.replace('_', "")))
    }
}

/// Why a batch is not in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) errno: i32,
    /// The file has its old length again and the batch can be tried again later.
    pub(super) cut_off: bool,
    /// Bytes of the batch that stayed in the file.
    pub(super) kept: u64,
    /// For the log line: "short write, 7 of 120 bytes".
    pub(super) what: String,
}

/// Appends all of `bytes` to `file`, which is `size` bytes long by our count.
pub(super) fn append(file: &dyn File, bytes: &[u8], size: u64, control: Control) -> Result<(), Failure> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let piece = rest.get(..LARGEST_PIECE).unwrap_or(rest);
        let (errno, landed) = match uninterrupted(|| file.write(piece)) {
            Ok(written) if written == piece.len() || control == Control::IgnoreShortWrite => {
                rest = rest.get(piece.len()..).unwrap_or_default();
                continue;
            }
            // Redis calls this ENOSPC, and on every file system seen the next write says so itself (W-04).
            Ok(written) => (libc::ENOSPC, Some(written)),
            Err(error) => (errno(&error), None),
        };
        let done = (bytes.len() - rest.len() + landed.unwrap_or(0)) as u64;
        let what = match landed {
            Some(_) => format!("short write, {done} of {} bytes", bytes.len()),
            None => format!("write failed: {}", io::Error::from_raw_os_error(errno)),
        };
        return Err(failed(file, size, done, errno, what, control));
    }
    Ok(())
}

fn failed(file: &dyn File, size: u64, done: u64, errno: i32, what: String, control: Control) -> Failure {
    let retryable = matches!(errno, libc::ENOSPC | libc::EDQUOT | libc::EFBIG);
    if control == Control::SkipCutOff {
        return Failure { errno, cut_off: true, kept: done, what };
    }
    match cut_off(file, size, done) {
        Ok(()) => Failure { errno, cut_off: retryable, kept: 0, what },
        Err(why) => Failure { errno, cut_off: false, kept: done, what: format!("{what}; {why}") },
    }
}

/// Takes the torn bytes off again, but only if they are what the file has beyond our count: cutting a file
/// whose length somebody else changed would destroy good data or pad with zeros (W-14).
fn cut_off(file: &dyn File, size: u64, done: u64) -> Result<(), String> {
    let length = file.size().map_err(|error| format!("its length cannot be read: {error}"))?;
    if length != size + done {
        return Err(format!(
            "the file has {length} bytes where {} were expected, left as it is",
            size + done
        ));
    }
    if done == 0 {
        return Ok(());
    }
    uninterrupted(|| file.set_len(size)).map_err(|error| {
        format!("{done} torn bytes cannot be cut off again ({error}) and will be dropped at the next open")
    })
}

/// Syncs `file`; one failure is final, since the system may have dropped the pages it could not write (Y-11).
pub(super) fn sync(file: &dyn File, control: Control) -> Result<(), i32> {
    let result = uninterrupted(|| file.sync_data());
    if result.is_err() && control == Control::RetryAfterFsyncError {
        return uninterrupted(|| file.sync_data()).map_err(|error| errno(&error));
    }
    result.map_err(|error| errno(&error))
}
