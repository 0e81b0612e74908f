//! What the thread of a save does: makes the file, forks, waits for the child, gives its file the dump's name.
//!
//! `leader` runs it. It takes the engine's lock only for the fork, and ends in [`Core::end_save`].

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::Place;
use super::place::INCREMENTAL_SYNC;
use crate::engine::core::{Core, Shared};
use crate::engine::latency::{event, whole_ms};
use crate::engine::leader::{self, Done, Errand};
use crate::engine::rewrite::{Summary, Ticket, Why};
use crate::error::RewriteCause;
use crate::rewrite::{
    self, Child, Failure, FileOutput, Form, Report, Role, SharedPage, Switch, Task, Temp, Watch, pipes,
};

const ERRAND: Errand = Errand { name: "aofstore-save", carry_out, end: Core::end_save };

impl Core {
    /// Starts the thread of a save. Nobody else's child may live.
    pub(super) fn launch_save(&mut self) -> Done<Arc<Ticket>> {
        let shared = self.rewrites.shared.upgrade();
        let shared = shared.ok_or_else(|| Failure::stopped("the store is closed"))?;
        let ticket = Ticket::new(Why::Asked);
        self.saves.schedule.tried(ticket.began);
        let thread = leader::start(ERRAND, shared, &ticket, self.saves.thread.take());
        let thread = thread.map_err(|error| Failure::system("no thread for a save", &error))?;
        self.saves.thread = Some(thread);
        self.saves.current = Some(Arc::clone(&ticket));
        self.rewrites.saving = true;
        self.children_changed();
        Ok(ticket)
    }
}

fn carry_out(shared: &Shared, ticket: &Ticket) -> Done<Summary> {
    let job = Job::prepare(shared)?;
    let Some(forked) = job.fork(shared, ticket)? else {
        return shared.lock().save_here(ticket.began);
    };
    forked.finish(shared, ticket)
}

fn stopped(ticket: &Ticket) -> Option<Failure> {
    ticket.is_stopped().then(|| Failure::stopped("the save was stopped"))
}

/// What is made before the fork, so that a failure leaves nothing behind.
struct Job {
    temp: Temp,
    name: String,
    place: Place,
    line: Arc<Mutex<()>>,
    form: Form,
    report: (OwnedFd, OwnedFd),
    page: Arc<SharedPage>,
}

impl Job {
    fn prepare(shared: &Shared) -> Done<Self> {
        let (place, name, form, line) = {
            let mut core = shared.lock();
            let (place, name) = core.dump_place()?;
            (place, name, core.dump_form(), Arc::clone(&core.saves.line))
        };
        let temp = Temp::create(&place.dir, &name, Role::Save, &shared.events);
        let temp = temp.map_err(|error| Failure::system("cannot make the file of a save", &error))?;
        let made = |what: &'static str| move |error: io::Error| Failure::system(what, &error);
        Ok(Self {
            temp,
            name,
            place,
            line,
            form,
            report: pipes::report().map_err(made("no pipe for a save"))?,
            page: SharedPage::new().map_err(made("no memory for a save"))?,
        })
    }

    /// With everybody waiting. None where there is no such thing as a fork.
    fn fork(self, shared: &Shared, ticket: &Ticket) -> Done<Option<Forked>> {
        let Self { temp, name, place, line, form, report: (report, told), page } = self;
        let file = Arc::clone(temp.file());
        let Some(fd) = file.fd() else { return Ok(None) };
        // ORDER: memory is taken before the lock is.
        let output = FileOutput::new(fd, INCREMENTAL_SYNC).under(place.control);
        let mut core = shared.lock();
        if let Some(failure) = stopped(ticket) {
            return Err(failure);
        }
        if let Some(defect) = &core.defect {
            return Err(Failure::new(RewriteCause::Other, defect.clone()));
        }
        let keys = rewrite::keys(&core.space);
        let start = Instant::now();
        let forked = rewrite::fork(Task {
            role: Role::Save,
            space: &core.space,
            output,
            form,
            peer: None,
            report: told,
            shared: &page,
        });
        let micros =
            forked.as_ref().map_or_else(|_| start.elapsed().as_micros() as u64, |child| child.micros);
        core.fork_took(micros);
        let child = match forked {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(None),
            Err(error) => return Err(Failure::system("cannot fork a save child", &error)),
        };
        core.save_forked(child.pid());
        drop(core);
        ticket.started(page, keys);
        Ok(Some(Forked { child, temp, name, place, line, report }))
    }
}

/// A child is at work.
struct Forked {
    // Dropped in this order: first the child, which must be gone before its file is.
    child: Child,
    temp: Temp,
    name: String,
    place: Place,
    line: Arc<Mutex<()>>,
    report: OwnedFd,
}

impl Forked {
    fn finish(self, shared: &Shared, ticket: &Ticket) -> Done<Summary> {
        let watch = Watch { child: &self.child, report: &self.report, events: &shared.events };
        match rewrite::wait(watch, || stopped(ticket)) {
            Ok(report) => self.put_in_place(ticket, report),
            Err(failure) => {
                let start = Instant::now();
                drop(self);
                let took = whole_ms(start.elapsed());
                shared.lock().latency.sample(event::RDB_UNLINK_TEMP_FILE, took);
                Err(failure)
            }
        }
    }

    fn put_in_place(self, ticket: &Ticket, report: Report) -> Done<Summary> {
        let mut switch = Switch::new(self.temp, report.bytes, self.place.control)?;
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = stopped(ticket) {
            return Err(failure);
        }
        let size = super::place::place(&mut switch, &self.name)?;
        drop(line);
        Ok(Summary {
            seconds: ticket.began.elapsed().as_secs_f64(),
            bytes_after: size,
            keys: report.keys,
            fork_micros: self.child.micros,
            cow_bytes: report.cow_bytes,
            ..Summary::default()
        })
    }
}
