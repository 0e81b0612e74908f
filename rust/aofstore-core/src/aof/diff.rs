//! The difference: what is fed while a rewrite runs, kept for the new file (P-01 to P-03, G-15).
//!
//! While the log is on, every byte of its feed is copied here, also while the log is latched; while it is being
//! switched on (`WAIT_REWRITE`) this is the only place where commands go. One [`Outlet`](super::Outlet) takes the bytes
//! out, in order, each once. INVARIANT: a difference that lost a byte says so for ever, and no file is made of it.

use super::buffer::{Buffer, Feed};
use super::heading::Heading;
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
    /// Those of them that are in memory, and the most that ever were.
    memory: AtomicU64,
    most: AtomicU64,
    events: Arc<Events>,
}

#[derive(Default)]
struct Queue {
    blocks: VecDeque<Vec<u8>>,
    /// Of [`Diff::feed`]; a log that feeds has its own.
    heading: Heading,
    scratch: Buffer,
    /// Records went missing for want of memory.
    spoilt: bool,
}

impl Diff {
    pub fn new(events: Arc<Events>) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            pending: AtomicU64::new(0),
            memory: AtomicU64::new(0),
            most: AtomicU64::new(0),
            events,
        })
    }

    /// As [`Log::feed_at`](super::Log::feed_at), for a store whose log is not there yet.
    pub fn feed(&self, second: Option<i64>, body: impl FnOnce(&mut Feed<'_>)) {
        let mut queue = lock(&self.queue);
        let Queue { scratch, heading, .. } = &mut *queue;
        let mut feed = Feed::new(scratch, heading, second);
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

    /// Those of them that are in memory.
    pub fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    /// The most that ever were in memory.
    pub fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }

    fn put(&self, queue: &mut Queue, bytes: &[u8]) {
        if queue.spoilt {
            return;
        }
        if queue.blocks.back().is_none_or(|block| block.len() + bytes.len() > BLOCK) {
            self.grow(queue);
        }
        let Some(block) = queue.blocks.back_mut() else { return };
        if block.try_reserve(bytes.len()).is_err() {
            return queue.spoil();
        }
        block.extend_from_slice(bytes);
        let count = bytes.len() as u64;
        self.pending.fetch_add(count, Ordering::Relaxed);
        let memory = self.memory.fetch_add(count, Ordering::Relaxed) + count;
        self.most.fetch_max(memory, Ordering::Relaxed);
    }

    fn grow(&self, queue: &mut Queue) {
        queue.blocks.push_back(Vec::new());
        let blocks = queue.blocks.len();
        if !blocks.is_multiple_of(10) {
            return;
        }
        let text = format!("the buffer of the running rewrite has {} MB", self.memory() >> 20);
        if blocks.is_multiple_of(100) {
            self.events.warning(text);
        } else {
            self.events.notice(text);
        }
    }

    pub(super) fn pop(&self) -> Option<Vec<u8>> {
        lock(&self.queue).blocks.pop_front()
    }

    /// So many bytes are where they should be.
    pub(super) fn let_go(&self, bytes: usize) {
        self.pending.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// So many bytes are in memory again.
    pub(super) fn regained(&self, bytes: usize) {
        self.memory.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many bytes are no longer in memory.
    pub(super) fn freed(&self, bytes: usize) {
        self.memory.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
}

impl Queue {
    #[cold]
    fn spoil(&mut self) {
        self.spoilt = true;
        self.blocks.clear();
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
#[path = "diff_tests.rs"]
mod tests;
