//! How a child comes to be, whatever it is for: its file and its pipe, the fork with everybody waiting, its first moments.
//!
//! Rewrites and saves go through here. ORDER: files, pipes and memory are had before the engine's lock is taken, so that
//! a failure leaves nothing behind and nobody waits for it.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use super::core::Core;
use super::leader::Done;
use super::rewrite::Ticket;
use crate::error::RewriteCause;
use crate::event::Events;
use crate::fs::{Dir, File};
use crate::rewrite::{
    self, Child, Failure, FileOutput, Form, Peer, Role, SharedPage, Task, Temp, Watch, pipes,
};

/// What is made before the fork.
pub(super) struct Cradle {
    role: Role,
    temp: Temp,
    report: (OwnedFd, OwnedFd),
    page: Arc<SharedPage>,
}

impl Cradle {
    /// `target` is the file whose place the child's is to take.
    pub(super) fn make(dir: &Arc<dyn Dir>, target: &str, role: Role, events: &Arc<Events>) -> Done<Self> {
        let work = role.work();
        let failed = |what: String| move |error: io::Error| Failure::system(&what, &error);
        let temp = Temp::create(dir, target, role, events);
        Ok(Self {
            role,
            temp: temp.map_err(failed(format!("cannot make the file of a {work}")))?,
            report: pipes::report().map_err(failed(format!("no pipe for a {work}")))?,
            page: SharedPage::new().map_err(failed(format!("no memory for a {work}")))?,
        })
    }

    pub(super) fn file(&self) -> &Arc<dyn File> {
        self.temp.file()
    }

    pub(super) fn dir(&self) -> &Arc<dyn Dir> {
        self.temp.dir()
    }

    /// With everybody waiting. `output` is over the [file](Self::file).
    pub(super) fn fork(
        self,
        core: &Core,
        output: FileOutput<BorrowedFd<'_>>,
        form: Form,
        peer: Option<Peer<'_>>,
    ) -> Birth {
        let Self { role, temp, report: (report, told), page } = self;
        let keys = rewrite::keys(&core.space);
        let start = Instant::now();
        let forked =
            rewrite::fork(Task { role, space: &core.space, output, form, peer, report: told, shared: &page });
        let micros =
            forked.as_ref().map_or_else(|_| start.elapsed().as_micros() as u64, |child| child.micros);
        Birth { forked, temp, report, role, page, keys, micros }
    }
}

/// What came of a fork. The locks are still held.
pub(super) struct Birth {
    // Dropped in this order: first the child, which must be gone before its file and pipe are.
    forked: io::Result<Child>,
    temp: Temp,
    report: OwnedFd,
    role: Role,
    page: Arc<SharedPage>,
    keys: u64,
    micros: u64,
}

impl Birth {
    pub(super) fn succeeded(&self) -> bool {
        self.forked.is_ok()
    }

    /// The child. None where there is no such thing as a fork.
    pub(super) fn child(self, core: &mut Core) -> Done<Option<Newborn>> {
        core.fork_took(self.micros);
        match self.forked {
            Ok(child) => {
                let at_work = AtWork { child, temp: self.temp, report: self.report };
                Ok(Some(Newborn { at_work, page: self.page, keys: self.keys }))
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(Failure::system(&format!("cannot fork a {}", self.role.child()), &error)),
        }
    }
}

/// A child that nobody was told of.
pub(super) struct Newborn {
    at_work: AtWork,
    page: Arc<SharedPage>,
    keys: u64,
}

impl Newborn {
    pub(super) fn pid(&self) -> i32 {
        self.at_work.child.pid()
    }

    /// Tells who waits for it.
    pub(super) fn tell(self, ticket: &Ticket) -> AtWork {
        ticket.started(self.page, self.keys);
        self.at_work
    }
}

/// A child at work.
pub(super) struct AtWork {
    // Dropped in this order: first the child, which must be gone before its file and pipe are.
    pub child: Child,
    pub temp: Temp,
    pub report: OwnedFd,
}

impl AtWork {
    pub(super) fn watch<'a>(&'a self, events: &'a Events) -> Watch<'a> {
        Watch { child: &self.child, report: &self.report, events }
    }
}

/// Why there is to be no child, if there is a reason.
pub(super) fn admit(core: &Core, ticket: &Ticket, role: Role) -> Done<()> {
    go_on(ticket, role)?;
    match &core.defect {
        Some(defect) => Err(Failure::new(RewriteCause::Other, defect.clone())),
        None => Ok(()),
    }
}

/// Refuses if somebody stopped the work.
pub(super) fn go_on(ticket: &Ticket, role: Role) -> Done<()> {
    stopped(ticket, role).map_or(Ok(()), Err)
}

/// Why the child is to be killed, if somebody stopped the work.
pub(super) fn stopped(ticket: &Ticket, role: Role) -> Option<Failure> {
    ticket.is_stopped().then(|| Failure::stopped(&format!("the {} was stopped", role.work())))
}
