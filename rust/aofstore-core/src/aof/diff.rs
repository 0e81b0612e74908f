//! The difference: what is fed while a rewrite runs, kept for the new file (P-01 to P-03, G-15).
//!
//! While the log is on, every byte of its feed is copied here, also while the log is latched; while it is being
//! switched on (WAIT_REWRITE) this is the only place where commands go. One [`Outlet`] takes the bytes out, in
//! order, each once. INVARIANT: a difference that lost a byte says so for ever, and no file is made of it.

use super::buffer::{Buffer, Feed};
use super::sync::{AtomicU64, Mutex, Ordering, lock};
use crate::event::Events;
use std::collections::VecDeque;
use std::sync::Arc;

/// Most bytes of one block (P-01).
const BLOCK: usize = 10 << 20;

/// What was fed since a rewrite began.
pub struct Diff {
    queue: Mutex<Queue>,
    /// Bytes appended and not yet let go by the outlet.
    pending: AtomicU64,
    most: AtomicU64,
    events: Arc<Events>,
}

#[derive(Default)]
struct Queue {
    blocks: VecDeque<Vec<u8>>,
    /// Of [`Diff::feed`]; a log that feeds has its own.
    selected: Option<u32>,
    scratch: Buffer,
    /// Records went missing for want of memory.
    spoilt: bool,
}

impl Diff {
    pub fn new(events: Arc<Events>) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            pending: AtomicU64::new(0),
            most: AtomicU64::new(0),
            events,
        })
    }

    /// As [`Log::feed`](super::Log::feed), for a store whose log is not there yet.
    pub fn feed(&self, body: impl FnOnce(&mut Feed<'_>)) {
        let mut queue = lock(&self.queue);
        let Queue { scratch, selected, .. } = &mut *queue;
        let mut feed = Feed::new(scratch, selected);
        body(&mut feed);
        match feed.finish() {
            Ok(_) => {
                let bytes = queue.scratch.take();
                self.put(&mut queue, &bytes);
                queue.scratch.written(bytes);
            }
            Err(_) => queue.spoil(),
        }
    }

    /// A copy of what was just fed to the log.
    pub(super) fn append(&self, bytes: &[u8]) {
        self.put(&mut lock(&self.queue), bytes);
    }

    /// The log lost records for want of memory.
    pub(super) fn spoil(&self) {
        lock(&self.queue).spoil();
    }

    /// Whether bytes are missing: the rewrite must fail.
    pub fn is_spoilt(&self) -> bool {
        lock(&self.queue).spoilt
    }

    /// Bytes that wait for the child or the new file (`aof_rewrite_buffer_length`).
    pub fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }

    /// The most that ever waited.
    pub fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }

    fn put(&self, queue: &mut Queue, bytes: &[u8]) {
        if queue.spoilt {
            return;
        }
        if !queue.blocks.back().is_some_and(|block| block.len() + bytes.len() <= BLOCK) {
            self.grow(queue);
        }
        let Some(block) = queue.blocks.back_mut() else { return };
        if block.try_reserve(bytes.len()).is_err() {
            return queue.spoil();
        }
        block.extend_from_slice(bytes);
        let pending = self.pending.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
        self.most.fetch_max(pending, Ordering::Relaxed);
    }

    fn grow(&self, queue: &mut Queue) {
        queue.blocks.push_back(Vec::new());
        let blocks = queue.blocks.len();
        if !blocks.is_multiple_of(10) {
            return;
        }
        let text = format!("the buffer of the running rewrite has {} MB", self.pending() >> 20);
        if blocks.is_multiple_of(100) {
            self.events.warning(text);
        } else {
            self.events.notice(text);
        }
    }

    fn pop(&self) -> Option<Vec<u8>> {
        lock(&self.queue).blocks.pop_front()
    }
}

impl Queue {
    #[cold]
    fn spoil(&mut self) {
        self.spoilt = true;
        self.blocks.clear();
    }
}

/// The one reader of a difference.
pub struct Outlet {
    diff: Arc<Diff>,
    block: Vec<u8>,
    at: usize,
}

impl Outlet {
    pub fn new(diff: Arc<Diff>) -> Self {
        Self { diff, block: Vec::new(), at: 0 }
    }

    /// The next bytes, empty when there are none now; they stay until [`advance`](Self::advance).
    pub fn front(&mut self) -> &[u8] {
        while self.at >= self.block.len() {
            // The block goes first: its memory is not wanted beside the next one's.
            (self.block, self.at) = (Vec::new(), 0);
            match self.diff.pop() {
                Some(block) => self.block = block,
                None => break,
            }
        }
        self.block.get(self.at..).unwrap_or_default()
    }

    /// `taken` of the front bytes are where they should be.
    pub fn advance(&mut self, taken: usize) {
        let taken = taken.min(self.block.len() - self.at);
        self.at += taken;
        self.diff.pending.fetch_sub(taken as u64, Ordering::Relaxed);
    }

    pub fn diff(&self) -> &Arc<Diff> {
        &self.diff
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
#[path = "diff_tests.rs"]
mod tests;
