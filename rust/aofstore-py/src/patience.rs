//! What holds everybody up, so that Ctrl-C gives it up: a thread has the engine's lock, the caller's looks for signals.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};

use aofstore_core::engine::Engine;
use aofstore_core::error::Error;
use aofstore_core::fs::os::with_signals_blocked;
use pyo3::prelude::*;

use crate::client::NAP;
use crate::error::raise;

/// Does the work, which looks at the flag that a signal sets.
pub(crate) fn unless_interrupted<T: Send + 'static>(
    py: Python<'_>,
    engine: &Arc<Engine>,
    work: impl FnOnce(&Engine, &Arc<AtomicBool>) -> T + Send + 'static,
) -> PyResult<T> {
    let (given_up, (ended, mut end)) = (Arc::<AtomicBool>::default(), channel());
    let (theirs, seen) = (Arc::clone(engine), Arc::clone(&given_up));
    let builder = std::thread::Builder::new().name("aofstore-work".to_owned());
    with_signals_blocked(|| builder.spawn(move || drop(ended.send(work(&theirs, &seen)))))?;
    loop {
        let waiting = &mut end;
        match py.detach(move || waiting.recv_timeout(NAP)) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(raise(py, &Error::Internal("the thread of a call was lost".to_owned())));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let interrupt = py.check_signals();
        // A handler may have forked: the thread is not there then.
        engine.check_owner().map_err(|error| raise(py, &error))?;
        if let Err(interrupt) = interrupt {
            given_up.store(true, Ordering::Relaxed);
            // Whatever came of it: nothing of it goes on when the caller is told.
            let waiting = &mut end;
            let _ = py.detach(move || waiting.recv());
            return Err(interrupt);
        }
    }
}
