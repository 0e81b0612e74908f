//! The thread that leads a child, from its ticket to its end.
//!
//! It lives until the child is gone, since the child dies with the thread that forked it. It calls nothing of the host's.
//! Whatever happens in it, a panic included, ends in the `end` that it was given.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::core::{Core, Shared};
use super::rewrite::{Summary, Ticket};
use crate::error::{Error, RewriteCause};
use crate::fs::os::with_signals_blocked;
use crate::rewrite::Failure;

pub(super) type Done<T> = std::result::Result<T, Failure>;

/// What a leader does, and who hears of it, with the engine's lock.
#[derive(Clone, Copy)]
pub(super) struct Errand {
    pub name: &'static str,
    pub carry_out: fn(&Shared, &Ticket) -> Done<Summary>,
    pub end: fn(&mut Core, &Ticket, Done<Summary>),
}

/// Starts the thread. It waits for `previous` first: there is never a second child of its kind.
pub(super) fn start(
    errand: Errand,
    shared: Arc<Shared>,
    ticket: &Arc<Ticket>,
    previous: Option<JoinHandle<()>>,
) -> std::io::Result<JoinHandle<()>> {
    let ticket = Arc::clone(ticket);
    let builder = std::thread::Builder::new().name(errand.name.to_owned());
    with_signals_blocked(|| builder.spawn(move || lead(errand, &shared, &ticket, previous)))
}

fn lead(errand: Errand, shared: &Shared, ticket: &Ticket, previous: Option<JoinHandle<()>>) {
    if let Some(previous) = previous {
        // It cannot panic: its body is caught.
        drop(previous.join());
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| (errand.carry_out)(shared, ticket)));
    let outcome = outcome.unwrap_or_else(|_| Err(Failure::new(RewriteCause::Other, "a defect of aofstore")));
    let mut core = shared.lock();
    // Again with care: who waits for the end must not wait for ever.
    let told = catch_unwind(AssertUnwindSafe(|| (errand.end)(&mut core, ticket, outcome)));
    if told.is_err() {
        ticket.ended(Err(Error::Internal("a child's end could not be accounted for".to_owned())));
    }
    drop(core);
    ticket.let_go();
}
