//! Huge pages for the memory that tables and their elements stand in.
//!
//! Whatever is allocated in this room tells, now and then, where it stands. A background tick asks the system to put such
//! regions, once they are full, into one huge page each (`MADV_COLLAPSE`, Linux 6.1): the contents stay as and where they
//! are. A look-up then waits less for the translation of addresses, and a fork copies one entry for a region, not 512; what is
//! written while a child lives is copied in small pages all the same.
//!
//! Nothing depends on it: a region may have been freed, or be somebody else's by now, and the system may refuse. INVARIANT:
//! it takes no memory worth mentioning (a region must be full already), moves nothing while a child shares the memory, since
//! that would copy everything, and does nothing while the store grows, when a caller who needs new memory would wait for it,
//! unless it is loading, when there is none.
#![expect(
    unsafe_code,
    reason = "the system is asked about addresses; nothing behind them is read or written"
)]

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

/// Bytes of a huge page, where pages have 4096.
pub const REGION: usize = 2 << 20;
const PAGE: usize = 4096;
const PAGES: usize = REGION / PAGE;
/// Pages of a region that must be in memory already: the rest is filled up, which must not be felt.
const FULL: usize = PAGES - PAGES / 16;
/// Allocations of this size always tell; of smaller ones one in this power of two does.
const LARGE: usize = 4096;
const SAMPLED: u32 = 6;
/// Regions that are remembered from one tick to the next: two gigabytes in a row.
const RECENT: usize = 1024;
/// A store that has fewer regions than this is small, and left alone.
const WORTHWHILE: usize = 8;
/// What one tick does at most: each region takes about half a millisecond, in which the memory cannot be mapped anew.
const TURN: usize = 4;
const LOOKS: usize = 64;
/// How long a region that is not full yet is left alone, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(1);
const TRIES: u32 = 30;
/// After this time a region that still tells of itself is asked for again: it may have been given back and taken anew.
const AGAIN: Duration = Duration::from_secs(60);
/// How long no region must have been new. The system maps no memory meanwhile, and the copy may take milliseconds.
const CALM: Duration = Duration::from_secs(1);
/// How long after the last sign of a child its memory counts as shared.
const SHARED: Duration = Duration::from_millis(1500);
/// Refusals in a row after which the system is not asked any more, or not for some time.
const REFUSALS: u32 = 16;
const REST: Duration = Duration::from_secs(30);

static SEEN: [AtomicUsize; RECENT] = [const { AtomicUsize::new(0) }; RECENT];
static REGIONS: Mutex<Option<Regions>> = Mutex::new(None);

/// An allocation of `size` bytes stands at `address`.
#[inline]
pub(super) fn note(address: usize, size: usize) {
    // The upper bits of a product depend on all bits below: a fair choice among addresses of any stride.
    let sampled = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SAMPLED) == 0;
    if sampled || size >= LARGE {
        remember(address);
    }
}

/// Lost if another region a multiple of two gigabytes away is seen as well; it will be seen again.
#[inline]
fn remember(address: usize) {
    let region = address / REGION;
    if let Some(slot) = SEEN.get(region % RECENT)
        && slot.load(Ordering::Relaxed) != region
    {
        slot.store(region, Ordering::Relaxed);
    }
}

/// What goes on while a turn is due.
#[derive(Clone, Copy, Default)]
pub struct Doing {
    /// A forked child shares the memory.
    pub shared: bool,
    /// A log is read: memory grows, and nobody waits for a single key.
    pub loading: bool,
}

/// A turn of the background. Only where a huge page has [`REGION`] bytes.
pub fn gather(now: Instant, doing: Doing) {
    // In a forked copy of the process the lock may be held for ever, by a thread that is not there.
    let mut held = match REGIONS.try_lock() {
        Ok(held) => held,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    let regions = held.get_or_insert_with(Regions::default);
    regions.take_seen(now);
    regions.turn(now, doing, &mut System);
}

/// What the system says and does.
trait Pages {
    /// How many pages of a region are in memory; None if something else, or nothing, is there.
    fn resident(&mut self, region: usize) -> Option<usize>;
    fn collapse(&mut self, region: usize) -> bool;
}

#[derive(Default)]
struct Regions {
    /// Those in the queue, and since when the others are huge.
    known: HashMap<usize, Option<Instant>>,
    queue: VecDeque<Waiting>,
    /// When a region was seen for the first time.
    grew: Option<Instant>,
    shared_until: Option<Instant>,
    /// None is asked for until then.
    rest_until: Option<Instant>,
    refusals: u32,
}

#[derive(Clone, Copy)]
struct Waiting {
    region: usize,
    tries: u32,
    /// Not looked at before.
    due: Instant,
}

impl Regions {
    fn turn(&mut self, now: Instant, doing: Doing, pages: &mut impl Pages) {
        if doing.shared {
            self.shared_until = Some(now + SHARED);
            return;
        }
        match self.shared_until {
            Some(until) if now < until => return,
            Some(_) => self.ask_again(now),
            None => {}
        }
        let calm = doing.loading || self.grew.is_none_or(|grew| now.saturating_duration_since(grew) >= CALM);
        if calm && self.known.len() >= WORTHWHILE && self.rest_until.is_none_or(|until| now >= until) {
            self.work(now, pages);
        }
    }

    fn take_seen(&mut self, now: Instant) {
        for slot in &SEEN {
            let region = slot.load(Ordering::Relaxed);
            if region != 0 {
                slot.store(0, Ordering::Relaxed);
                self.seen(region, now);
            }
        }
    }

    fn seen(&mut self, region: usize, now: Instant) {
        let wanted = match self.known.get(&region) {
            None => {
                self.grew = Some(now);
                true
            }
            Some(huge) => huge.is_some_and(|since| now.saturating_duration_since(since) >= AGAIN),
        };
        if wanted {
            self.known.insert(region, None);
            self.queue.push_back(Waiting { region, tries: 0, due: now });
        }
    }

    /// A child is gone: what was written meanwhile is in small pages now.
    fn ask_again(&mut self, now: Instant) {
        self.shared_until = None;
        for (&region, standing) in &mut self.known {
            if standing.take().is_some() {
                self.queue.push_back(Waiting { region, tries: 0, due: now });
            }
        }
    }

    fn work(&mut self, now: Instant, pages: &mut impl Pages) {
        let mut collapsed = 0;
        for _ in 0..self.queue.len().min(LOOKS) {
            let Some(waiting) = self.queue.pop_front() else { return };
            if waiting.due > now {
                self.queue.push_back(waiting);
                continue;
            }
            match pages.resident(waiting.region) {
                None => self.forget(waiting.region),
                Some(full) if full < FULL => self.later(waiting, now),
                Some(_) => {
                    if !pages.collapse(waiting.region) {
                        return self.refused(waiting, now);
                    }
                    self.refusals = 0;
                    self.known.insert(waiting.region, Some(now));
                    collapsed += 1;
                }
            }
            if collapsed >= TURN {
                return;
            }
        }
    }

    fn forget(&mut self, region: usize) {
        self.known.remove(&region);
    }

    fn later(&mut self, waiting: Waiting, now: Instant) {
        if waiting.tries >= TRIES {
            return self.forget(waiting.region);
        }
        self.queue.push_back(Waiting { tries: waiting.tries + 1, due: now + PATIENCE, ..waiting });
    }

    /// It may be this region's fault, or the system has none left, or does not do it at all.
    fn refused(&mut self, waiting: Waiting, now: Instant) {
        self.later(waiting, now);
        self.refusals += 1;
        if self.refusals >= REFUSALS {
            self.refusals = 0;
            self.rest_until = Some(now + REST);
        }
    }
}

struct System;

#[cfg(target_os = "linux")]
impl Pages for System {
    fn resident(&mut self, region: usize) -> Option<usize> {
        let mut pages = [0; PAGES];
        let start = std::ptr::without_provenance_mut(region * REGION);
        // SAFETY: the call only reads a table of the system's; it fills one byte for each page, none of which is smaller.
        let failed = unsafe { libc::mincore(start, REGION, pages.as_mut_ptr()) } != 0;
        (!failed).then(|| pages.iter().filter(|&&page| page & 1 != 0).count())
    }

    fn collapse(&mut self, region: usize) -> bool {
        const COLLAPSE: libc::c_int = 25;
        let start = std::ptr::without_provenance_mut(region * REGION);
        // SAFETY: contents and addresses stay the same, whoever's they are.
        unsafe { libc::madvise(start, REGION, COLLAPSE) == 0 }
    }
}

#[cfg(not(target_os = "linux"))]
impl Pages for System {
    fn resident(&mut self, _: usize) -> Option<usize> {
        None
    }

    fn collapse(&mut self, _: usize) -> bool {
        false
    }
}

#[cfg(test)]
#[path = "huge_tests.rs"]
mod tests;
