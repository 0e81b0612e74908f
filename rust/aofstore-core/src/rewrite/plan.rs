//! One page of memory that parent and child share: how far the child is, and what a test wants it to do.
//!
//! Made before the fork, one for each child. The child only stores into it and reads its orders; the parent may look
//! at any time, from any thread. Without a plan the child pays one relaxed load a key.

#![expect(unsafe_code, reason = "memory that two processes share can only be had through mmap")]

use super::fork::leave;
use super::report::{Failure, Step};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use rustix::thread::nanosleep;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// What a test makes children do. An order given to `Dumping` is carried out when `after_keys` keys are written;
/// one given to another step, when that step is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    /// Stands still until [`SharedPage::resume`].
    pub pause: Option<Step>,
    /// Fails with this errno.
    pub fail: Option<(Step, i32)>,
    /// Leaves with this status, without a report.
    pub exit: Option<(Step, i32)>,
    /// Kills itself with SIGKILL.
    pub kill: Option<Step>,
    /// Has a defect.
    pub panic: Option<Step>,
    pub after_keys: u64,
    /// Sleeps after every key.
    pub micros_per_key: u32,
    /// The fork itself is refused with this errno.
    pub refuse: Option<i32>,
}

static PAGES: Mutex<Pages> = Mutex::new(Pages { plan: None, last: Weak::new(), kept: None });

struct Pages {
    /// The plan of the pages to come.
    plan: Option<Plan>,
    last: Weak<SharedPage>,
    /// The last one that was made by a plan: its child may be gone before anybody asks for it.
    kept: Option<Arc<SharedPage>>,
}

const SIZE: usize = 4096;
const NEVER: u32 = 0;

#[repr(C)]
struct Page {
    pid: AtomicU32,
    /// The number of a step plus one, here and below; 0 is none.
    reached: AtomicU32,
    keys_done: AtomicU64,
    bytes_written: AtomicU64,
    bytes_received: AtomicU64,
    allocations: AtomicU64,
    armed: AtomicU32,
    pause: AtomicU32,
    fail: AtomicU32,
    exit: AtomicU32,
    kill: AtomicU32,
    panic: AtomicU32,
    errno: AtomicU32,
    status: AtomicU32,
    micros_per_key: AtomicU32,
    refuse: AtomicU32,
    after_keys: AtomicU64,
}

/// Seen by both processes until the last of them lets it go.
pub struct SharedPage {
    page: NonNull<Page>,
}

// SAFETY: the page holds nothing but atomics and stays mapped as long as the value lives.
unsafe impl Send for SharedPage {}
// SAFETY: as above.
unsafe impl Sync for SharedPage {}

impl SharedPage {
    /// A page with the default plan, which is none unless a test said so.
    pub fn new() -> io::Result<Arc<Self>> {
        const { assert!(size_of::<Page>() <= SIZE) };
        // SAFETY: a fresh mapping at an address of the kernel's choice touches nothing of ours.
        let memory = unsafe {
            mmap_anonymous(std::ptr::null_mut(), SIZE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED)
        }?;
        let page = NonNull::new(memory.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let page = Arc::new(Self { page });
        let mut pages = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = &pages.plan {
            page.arm(plan);
            pages.kept = Some(page.clone());
        }
        pages.last = Arc::downgrade(&page);
        Ok(page)
    }

    /// What every page made from now on has as its plan.
    pub fn set_default(plan: Option<Plan>) {
        let mut pages = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
        if plan.is_some() {
            pages.kept = None;
        }
        pages.plan = plan;
    }

    /// The page made last, as long as its child lives; one made by a plan, until the next plan.
    pub fn latest() -> Option<Arc<Self>> {
        PAGES.lock().unwrap_or_else(PoisonError::into_inner).last.upgrade()
    }

    /// Orders for the child; those for steps that it has passed come too late.
    pub fn arm(&self, plan: &Plan) {
        let page = self.page();
        let number = |step: Option<Step>| step.map_or(NEVER, |step| step as u32 + 1);
        let set = |cell: &AtomicU32, value: u32| cell.store(value, Ordering::Relaxed);
        set(&page.pause, number(plan.pause));
        set(&page.fail, number(plan.fail.map(|(step, _)| step)));
        set(&page.errno, plan.fail.map_or(0, |(_, errno)| errno).cast_unsigned());
        set(&page.exit, number(plan.exit.map(|(step, _)| step)));
        set(&page.status, plan.exit.map_or(0, |(_, status)| status).cast_unsigned());
        set(&page.kill, number(plan.kill));
        set(&page.panic, number(plan.panic));
        set(&page.micros_per_key, plan.micros_per_key);
        set(&page.refuse, plan.refuse.unwrap_or(0).cast_unsigned());
        page.after_keys.store(plan.after_keys, Ordering::Relaxed);
        // ORDER: the child must see the orders once it sees that there are any.
        page.armed.store(1, Ordering::Release);
    }

    /// Lets a child go on that stands still, or will.
    pub fn resume(&self) {
        self.page().pause.store(NEVER, Ordering::Relaxed);
    }

    /// The last step that the child reached; `None` before the first.
    pub fn reached(&self) -> Option<Step> {
        Step::from_number(self.page().reached.load(Ordering::Acquire).wrapping_sub(1))
    }

    /// 0 before the fork.
    pub fn pid(&self) -> i32 {
        self.page().pid.load(Ordering::Relaxed).cast_signed()
    }

    pub fn keys_done(&self) -> u64 {
        self.page().keys_done.load(Ordering::Relaxed)
    }

    pub fn bytes_written(&self) -> u64 {
        self.page().bytes_written.load(Ordering::Relaxed)
    }

    /// How much of the difference the child has taken out of its pipe.
    pub fn bytes_received(&self) -> u64 {
        self.page().bytes_received.load(Ordering::Relaxed)
    }

    /// For an allocator that counts what it is asked for [in the child](super::in_child).
    pub fn allocations(&self) -> &AtomicU64 {
        &self.page().allocations
    }

    /// The errno with which this fork is to be refused.
    pub(super) fn refusal(&self) -> Option<i32> {
        let errno = self.page().refuse.load(Ordering::Relaxed).cast_signed();
        (errno != 0).then_some(errno)
    }

    pub(super) fn set_pid(&self, pid: i32) {
        self.page().pid.store(pid.cast_unsigned(), Ordering::Relaxed);
    }

    pub(super) fn set_received(&self, bytes: u64) {
        self.page().bytes_received.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn set_written(&self, bytes: u64) {
        self.page().bytes_written.store(bytes, Ordering::Relaxed);
    }

    /// The child is at `step`: shows it, and carries out what is planned for it.
    pub(super) fn at(&self, step: Step) -> Result<(), Failure> {
        // ORDER: whoever sees the step sees what was counted before it.
        self.page().reached.store(step as u32 + 1, Ordering::Release);
        if self.armed() && (step != Step::Dumping || self.page().after_keys.load(Ordering::Relaxed) == 0) {
            return self.obey(step);
        }
        Ok(())
    }

    /// The child has written `keys` keys.
    pub(super) fn key(&self, keys: u64, bytes: u64) -> Result<(), Failure> {
        let page = self.page();
        page.keys_done.store(keys, Ordering::Relaxed);
        page.bytes_written.store(bytes, Ordering::Relaxed);
        if !self.armed() {
            return Ok(());
        }
        let micros = page.micros_per_key.load(Ordering::Relaxed);
        if micros > 0 {
            doze(Duration::from_micros(micros.into()));
        }
        if keys == page.after_keys.load(Ordering::Relaxed) { self.obey(Step::Dumping) } else { Ok(()) }
    }

    fn armed(&self) -> bool {
        self.page().armed.load(Ordering::Acquire) != 0
    }

    #[cold]
    fn obey(&self, step: Step) -> Result<(), Failure> {
        let page = self.page();
        let here = |cell: &AtomicU32| cell.load(Ordering::Relaxed) == step as u32 + 1;
        while here(&page.pause) {
            doze(Duration::from_millis(1));
        }
        if here(&page.kill) {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
        assert!(!here(&page.panic), "a panic on purpose");
        if here(&page.exit) {
            leave(page.status.load(Ordering::Relaxed).cast_signed());
        }
        if here(&page.fail) {
            return Err(Failure { step, errno: page.errno.load(Ordering::Relaxed).cast_signed() });
        }
        Ok(())
    }

    fn page(&self) -> &Page {
        // SAFETY: the mapping is aligned, zeroed by the kernel, as large as a Page, written only through its
        // atomics (for which every value is valid), and unmapped only by our drop.
        unsafe { self.page.as_ref() }
    }
}

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: exactly the mapping that `new` made; nothing borrows from it any more.
        let _ = unsafe { munmap(self.page.as_ptr().cast(), SIZE) };
    }
}

fn doze(time: Duration) {
    if let Ok(time) = time.try_into() {
        let _ = nanosleep(&time);
    }
}
