//! Threads of ours take no signals of the host.
#![expect(unsafe_code, reason = "the signal mask of a thread has no safe interface")]

/// Runs `body` with every signal blocked for this thread, so that threads it starts never run the host's
/// handlers and SIGXFSZ cannot kill the host from one of them.
pub fn with_signals_blocked<R>(body: impl FnOnce() -> R) -> R {
    let _restore = SignalMask::block_all();
    body()
}

struct SignalMask(libc::sigset_t);

impl SignalMask {
    fn block_all() -> Self {
        // SAFETY: sigset_t is plain data that sigfillset and pthread_sigmask initialise; both sets live on this
        // stack for the whole call, and the only effect is on the calling thread's mask.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
            Self(before)
        }
    }
}

impl Drop for SignalMask {
    fn drop(&mut self) {
        // SAFETY: `self.0` was filled in by pthread_sigmask; a null old set is allowed.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut());
        }
    }
}
