//! The background: the thread that syncs and closes files, and the timer that decides when.
//!
//! The engine's tick calls [`Shared::timer`] about ten times a second with monotonic time; the thread only ever
//! waits for a job, does it and reports. It owns the file of its job, so a descriptor cannot be reused under it
//! (S-11), and it never calls anything of the host's.

use super::commit::{Guard, Shared};
use super::latency::Kind;
use super::sync::{Condvar, Mutex, lock, wait};
use super::tail::{Policy, Status, Tail};
use super::write;
use crate::fs::File;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One tick short of a second, so that nothing stays unsynced for longer than a second under `everysec`.
const SYNC_PERIOD: Duration = Duration::from_millis(900);
const RETRY_PERIOD: Duration = Duration::from_secs(1);
const LOOK_PERIOD: Duration = Duration::from_secs(1);
const LONGEST_POSTPONEMENT: Duration = Duration::from_secs(2);
const NOTICE_PERIOD: Duration = Duration::from_secs(30);

pub(super) enum Job {
    Sync {
        file: Arc<dyn File>,
        generation: u64,
        covers: u64,
    },
    /// The last reference to a replaced file: freeing its blocks may take long (D-07).
    Retire(Arc<dyn File>),
    Stop,
}

/// First in, first out (Y-07).
#[derive(Default)]
pub(super) struct Jobs {
    queue: Mutex<VecDeque<Job>>,
    arrived: Condvar,
}

impl Jobs {
    pub(super) fn push(&self, job: Job) {
        lock(&self.queue).push_back(job);
        self.arrived.notify_one();
    }

    fn next(&self) -> Job {
        let mut queue = lock(&self.queue);
        loop {
            match queue.pop_front() {
                Some(job) => return job,
                None => queue = wait(&self.arrived, queue),
            }
        }
    }
}

/// The body of the thread; ends at [`Job::Stop`].
pub(super) fn work(shared: &Shared) {
    loop {
        match shared.jobs.next() {
            Job::Sync { file, generation, covers } => {
                let result = write::sync(&*file, shared.control());
                drop(shared.sync_done(generation, covers, result));
            }
            Job::Retire(file) => drop(file),
            Job::Stop => return,
        }
    }
}

impl Shared {
    /// All that has to happen without a call from the host; `now` never falls.
    pub(super) fn timer(&self, now: Instant) {
        let mut tail = self.lock();
        tail.clock.now = tail.clock.now.max(now);
        if tail.closed || matches!(tail.status, Status::Latched { .. }) {
            return;
        }
        tail.buffer.tick();
        tail.clock.behind = (tail.synced < tail.written).then(|| tail.clock.behind.unwrap_or(tail.clock.now));
        self.look(&mut tail);
        tail = self.retry(tail);
        self.write_postponed(&mut tail);
        self.sync_if_due(&mut tail);
    }

    /// Whether this flush is to wait for the sync that runs, because the user's disk blocks writes meanwhile
    /// (B-07). After two seconds it goes out anyway.
    pub(super) fn postponed(&self, tail: &mut Tail) -> bool {
        use super::sync::Ordering::Relaxed;
        if !self.postpone.load(Relaxed) || tail.policy != Policy::Everysec || !tail.syncing {
            return false;
        }
        let now = tail.clock.now;
        let since = *tail.clock.postponed.get_or_insert(now);
        if now.saturating_duration_since(since) < LONGEST_POSTPONEMENT {
            return true;
        }
        self.delayed(tail);
        false
    }

    fn write_postponed(&self, tail: &mut Tail) {
        if tail.clock.postponed.is_some() && !tail.writing && !self.postponed(tail) {
            self.write_pending(tail);
        }
    }

    /// Once a second while the disk is full: the first whole write (and, under `always`, sync) ends the state.
    fn retry<'a>(&'a self, mut tail: Guard<'a>) -> Guard<'a> {
        let leads = tail.policy == Policy::Always;
        if !matches!(tail.status, Status::Refusing { .. })
            || !tail.clock.passed(tail.clock.last_retry, RETRY_PERIOD)
            || tail.writing
            || (leads && tail.syncing)
        {
            return tail;
        }
        tail.clock.last_retry = Some(tail.clock.now);
        if leads {
            return self.lead(tail);
        }
        self.write_pending(&mut tail);
        tail
    }

    /// Starts a background sync when written bytes have waited for a second, whether or not anybody still
    /// writes (Y-08, Y-09). Under `always` only what was left while syncing was suspended is found here.
    fn sync_if_due(&self, tail: &mut Tail) {
        let behind = tail.policy != Policy::No && tail.synced < tail.written && self.syncs();
        if !behind
            || matches!(tail.status, Status::Latched { .. })
            || !tail.clock.passed(tail.clock.last_sync, SYNC_PERIOD)
            || (tail.policy == Policy::Always && (tail.writing || tail.syncing))
        {
            return;
        }
        tail.clock.last_sync = Some(tail.clock.now);
        if tail.syncing {
            return self.delayed(tail);
        }
        tail.syncing = true;
        let file = Arc::clone(&tail.file);
        self.jobs.push(Job::Sync { file, generation: tail.generation, covers: tail.written });
    }

    fn delayed(&self, tail: &mut Tail) {
        tail.count.delayed_fsync += 1;
        if tail.clock.passed(tail.clock.last_notice, NOTICE_PERIOD) {
            tail.clock.last_notice = Some(tail.clock.now);
            self.events.notice(format!(
                "syncing {} takes longer than a second: the disk is busy; {} bytes wait for it",
                tail.name,
                tail.fed - tail.synced,
            ));
        }
    }

    /// A file without a name takes everything written to it along when it is closed: better no store than that.
    fn look(&self, tail: &mut Tail) {
        if !tail.clock.passed(tail.clock.last_look, LOOK_PERIOD) {
            return;
        }
        tail.clock.last_look = Some(tail.clock.now);
        let start = self.latency.start();
        let links = tail.file.links();
        self.latency.end(Kind::Fstat, start);
        if links.is_ok_and(|links| links == 0) {
            self.latch(tail, libc::ENOENT, "somebody removed the file while the store was open");
            self.publish(tail);
        }
    }
}
