//! The reading end of a difference: in memory, and beyond a limit in a file without a name.
//!
//! Whoever leads the rewrite has it, alone. INVARIANT: bytes come out in the order they were fed, each once; what is
//! spilled is older than what is in the difference and newer than the block in hand.

use super::diff::Diff;
use crate::fs::Dir;
use rustix::io::{Errno, pread, retry_on_intr, write};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// What may wait in memory for a child that does not take it.
const MOST_IN_MEMORY: u64 = 64 << 20;
/// Read back at once.
const PIECE: u64 = 1 << 20;

/// Takes the bytes of a [`Diff`] out.
pub struct Outlet {
    diff: Arc<Diff>,
    block: Vec<u8>,
    at: usize,
    dir: Option<Arc<dyn Dir>>,
    spill: Option<Spill>,
    limit: u64,
}

/// What did not fit into memory.
struct Spill {
    file: OwnedFd,
    read: u64,
    written: u64,
}

impl Outlet {
    /// Without `dir`, everything stays in memory.
    pub fn new(diff: Arc<Diff>, dir: Option<Arc<dyn Dir>>) -> Self {
        Self { diff, block: Vec::new(), at: 0, dir, spill: None, limit: MOST_IN_MEMORY }
    }

    #[cfg(all(test, not(feature = "shuttle")))]
    fn with_limit(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    pub fn diff(&self) -> &Arc<Diff> {
        &self.diff
    }

    /// The next bytes, empty when there are none now; they stay until [`advance`](Self::advance).
    pub fn front(&mut self) -> io::Result<&[u8]> {
        while self.at >= self.block.len() {
            // The block goes first: its memory is not wanted beside the next one's.
            (self.block, self.at) = (Vec::new(), 0);
            match self.next()? {
                Some(block) => self.block = block,
                None => break,
            }
        }
        Ok(self.block.get(self.at..).unwrap_or_default())
    }

    /// `taken` of the front bytes are where they should be.
    pub fn advance(&mut self, taken: usize) {
        let taken = taken.min(self.block.len() - self.at);
        self.at += taken;
        self.diff.let_go(taken);
        self.diff.freed(taken);
    }

    /// Moves what is too much for memory into the file.
    pub fn relieve(&mut self) -> io::Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        if self.diff.memory() <= self.limit {
            return Ok(());
        }
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill { file: dir.spool()?, read: 0, written: 0 }),
        };
        // No more than there was: whoever feeds may be faster than the disk.
        let mut left = self.diff.memory() as usize;
        while left > 0
            && let Some(block) = self.diff.pop()
        {
            spill.put(&block)?;
            self.diff.freed(block.len());
            left = left.saturating_sub(block.len());
        }
        Ok(())
    }

    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(spill) = &mut self.spill else { return Ok(self.diff.pop()) };
        let block = spill.take()?;
        if block.is_empty() {
            self.spill = None;
            return Ok(self.diff.pop());
        }
        self.diff.regained(block.len());
        Ok(Some(block))
    }
}

impl Spill {
    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match retry_on_intr(|| write(&self.file, bytes))? {
                0 => return Err(Errno::NOSPC.into()),
                taken => {
                    self.written += taken as u64;
                    bytes = bytes.get(taken..).unwrap_or_default();
                }
            }
        }
        Ok(())
    }

    /// The next piece; empty at the end.
    fn take(&mut self) -> io::Result<Vec<u8>> {
        let size = (self.written - self.read).min(PIECE) as usize;
        let mut piece = vec![0; size];
        let mut filled = 0;
        while let Some(room) = piece.get_mut(filled..)
            && !room.is_empty()
        {
            match retry_on_intr(|| pread(&self.file, &mut *room, self.read))? {
                0 => return Err(Errno::IO.into()),
                taken => {
                    self.read += taken as u64;
                    filled += taken;
                }
            }
        }
        Ok(piece)
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use crate::event::Events;
    use crate::fs::fault::{Call, Fault, FaultDir, Plan};
    use crate::fs::os::{Access, OsDir};
    use crate::fs::scratch::Scratch;

    fn rig(limit: u64) -> (Scratch, Arc<Plan>, Outlet) {
        let scratch = Scratch::new();
        let dir = Arc::new(OsDir::open(scratch.path(), Access::Exclusive).unwrap());
        let plan = Plan::new();
        let dir: Arc<dyn Dir> = FaultDir::new(dir, Arc::clone(&plan));
        let outlet = Outlet::new(Diff::new(Events::new(64)), Some(dir)).with_limit(limit);
        (scratch, plan, outlet)
    }

    #[test]
    fn memory_is_bounded_and_no_byte_is_lost_or_moved() {
        let (scratch, _, mut outlet) = rig(100_000);
        let mut rng = fastrand::Rng::with_seed(3);
        let (mut fed, mut got) = (Vec::new(), Vec::new());
        for _ in 0..2000 {
            let piece: Vec<u8> = (0..rng.usize(1..5000)).map(|_| rng.u8(..)).collect();
            outlet.diff().append(&piece);
            fed.extend_from_slice(&piece);
            outlet.relieve().unwrap();
            let diff = Arc::clone(outlet.diff());
            assert!(diff.memory() <= 100_000 + PIECE);
            assert_eq!(diff.pending(), (fed.len() - got.len()) as u64);
            if rng.u8(..) < 100 {
                let front = outlet.front().unwrap();
                let n = rng.usize(0..=front.len().min(9000));
                got.extend_from_slice(&front[..n]);
                outlet.advance(n);
            }
        }
        while let n @ 1.. = outlet.front().unwrap().len() {
            got.extend_from_slice(outlet.front().unwrap());
            outlet.advance(n);
        }
        assert!(got == fed);
        assert_eq!((outlet.diff().pending(), outlet.diff().memory()), (0, 0));
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
    }

    #[test]
    fn where_nothing_can_be_spilled_it_says_so() {
        let (_scratch, plan, mut outlet) = rig(10);
        outlet.diff().append(b"more than ten bytes");
        plan.add(Fault::on(Call::Open, libc::ENOSPC));
        assert_eq!(outlet.relieve().unwrap_err().raw_os_error(), Some(libc::ENOSPC));
    }
}
