//! Tells the process that opened a store from a forked copy of it, at the cost of one load.
//!
//! A page is mapped that the kernel wipes in every child (`MADV_WIPEONFORK`, Linux >= 4.14); elsewhere the pid is
//! asked. A store must refuse in a copy: two writers would tear one file.

#![expect(unsafe_code, reason = "a page the kernel wipes on fork can only be had through mmap")]

use std::sync::atomic::{AtomicU32, Ordering};

/// The process that made this value.
#[derive(Debug)]
pub struct Owner {
    pid: u32,
    mark: Option<&'static AtomicU32>,
}

impl Owner {
    pub fn new() -> Self {
        let pid = std::process::id();
        Self { pid, mark: wiped_on_fork(pid) }
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the caller runs in the process that made this value.
    pub fn is_here(&self) -> bool {
        match self.mark {
            Some(mark) => mark.load(Ordering::Relaxed) == self.pid,
            None => std::process::id() == self.pid,
        }
    }
}

impl Default for Owner {
    fn default() -> Self {
        Self::new()
    }
}

/// One page for the whole process, never unmapped; None where the kernel cannot wipe it.
#[cfg(target_os = "linux")]
fn wiped_on_fork(pid: u32) -> Option<&'static AtomicU32> {
    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};
    use std::sync::atomic::AtomicPtr;
    static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());

    let mut page = PAGE.load(Ordering::Acquire);
    if page.is_null() {
        const SIZE: usize = 4096;
        // SAFETY: a fresh private mapping at an address of the kernel's choice touches nothing of ours.
        let fresh = unsafe {
            mmap_anonymous(std::ptr::null_mut(), SIZE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        }
        .ok()?;
        // SAFETY: the advice covers exactly the mapping made above.
        if unsafe { madvise(fresh, SIZE, Advice::LinuxWipeOnFork) }.is_err() {
            return None;
        }
        let won =
            PAGE.compare_exchange(std::ptr::null_mut(), fresh.cast(), Ordering::AcqRel, Ordering::Acquire);
        page = won.map_or_else(|other| other, |_| fresh.cast());
    }
    // SAFETY: the mapping is page-aligned, zeroed or written only through atomics, and lives as long as the process.
    let mark = unsafe { &*page };
    mark.store(pid, Ordering::Relaxed);
    Some(mark)
}

#[cfg(not(target_os = "linux"))]
fn wiped_on_fork(_: u32) -> Option<&'static AtomicU32> {
    None
}
