//! Work without a child, for which everybody waits: the rewrite and the save. Another thread may have it given up,
//! between two keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::core::{Core, Engine};
use super::due::Done;
use super::leader;
use super::rewrite::Summary;
use super::session::Session;
use crate::command::{self, EngineCommand, Handler, Reply};
use crate::error::{Result, RewriteCause};
use crate::rewrite::{Failure, Form, dump};

/// Whether the command is worth [`Engine::execute_unless`].
pub fn stands_still(argv: &[&[u8]]) -> bool {
    let spec = argv.first().and_then(|name| command::lookup(name));
    spec.is_some_and(|spec| matches!(spec.handler, Handler::Engine(EngineCommand::Save)))
}

impl Engine {
    /// As [`Engine::execute`], unless another thread sets `given_up` meanwhile.
    pub fn execute_unless(
        &self,
        session: &mut Session,
        argv: &[&[u8]],
        reply: &mut Reply,
        given_up: &Arc<AtomicBool>,
    ) -> Result<Done> {
        self.run(|core| core.unless(given_up, |core| core.one(session, argv, reply)))
    }

    /// As [`Engine::rewrite_now`], unless another thread sets `given_up` meanwhile.
    pub fn rewrite_unless(&self, given_up: &Arc<AtomicBool>) -> Result<Summary> {
        let mut core = self.shared.enter()?;
        core.guarded(|core| core.unless(given_up, Core::rewrite_at_once))
    }
}

impl Core {
    pub(super) fn unless<T>(&mut self, given_up: &Arc<AtomicBool>, work: impl FnOnce(&mut Self) -> T) -> T {
        self.given_up = Some(Arc::clone(given_up));
        let done = work(self);
        self.given_up = None;
        done
    }

    /// All keys in a file of their own.
    pub(super) fn dump_here(
        &self,
        place: dump::Place<'_>,
        form: Form,
        incremental_sync: bool,
    ) -> leader::Done<dump::Dumped> {
        let given_up = self.given_up.as_deref();
        let wanted = |_, _| !given_up.is_some_and(|given_up| given_up.load(Ordering::Relaxed));
        dump::dump(&self.space, place, form, incremental_sync, wanted).map_err(|failed| Failure {
            deliberate: failed.errno == libc::ECANCELED,
            ..Failure::new(RewriteCause::Errno(failed.errno), failed.message)
        })
    }
}
