//! What the thread of a save does: makes the file, forks, waits for the child, gives its file the dump's name.
//!
//! `leader` runs it. It takes the engine's lock only for the fork, and ends in [`Core::end_save`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::Place;
use super::place::INCREMENTAL_SYNC;
use crate::engine::birth::{self, AtWork, Cradle};
use crate::engine::core::{Core, Shared};
use crate::engine::latency::{event, whole_ms};
use crate::engine::leader::{self, Done, Errand};
use crate::engine::rewrite::{Summary, Ticket, Why};
use crate::rewrite::{self, Failure, FileOutput, Form, Report, Role, Switch};

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

/// What is made before the fork, so that a failure leaves nothing behind.
struct Job {
    cradle: Cradle,
    name: String,
    place: Place,
    line: Arc<Mutex<()>>,
    form: Form,
}

impl Job {
    fn prepare(shared: &Shared) -> Done<Self> {
        let (place, name, form, line) = {
            let mut core = shared.lock();
            let (place, name) = core.dump_place()?;
            (place, name, core.dump_form(), Arc::clone(&core.saves.line))
        };
        let cradle = Cradle::make(&place.dir, &name, Role::Save, &shared.events)?;
        Ok(Self { cradle, name, place, line, form })
    }

    /// With everybody waiting. None where there is no such thing as a fork.
    fn fork(self, shared: &Shared, ticket: &Ticket) -> Done<Option<Forked>> {
        let Self { cradle, name, place, line, form } = self;
        let file = Arc::clone(cradle.file());
        let Some(fd) = file.fd() else { return Ok(None) };
        // ORDER: memory is taken before the lock is.
        let output = FileOutput::new(fd, INCREMENTAL_SYNC).under(place.control);
        let mut core = shared.lock();
        birth::admit(&core, ticket, Role::Save)?;
        let birth = cradle.fork(&core, output, form, None);
        let Some(child) = birth.child(&mut core)? else { return Ok(None) };
        core.save_forked(child.pid());
        drop(core);
        Ok(Some(Forked { at_work: child.tell(ticket), name, place, line }))
    }
}

struct Forked {
    at_work: AtWork,
    name: String,
    place: Place,
    line: Arc<Mutex<()>>,
}

impl Forked {
    fn finish(self, shared: &Shared, ticket: &Ticket) -> Done<Summary> {
        let watch = self.at_work.watch(&shared.events);
        match rewrite::wait(watch, || birth::stopped(ticket, Role::Save)) {
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
        let mut switch = Switch::new(self.at_work.temp, report.bytes, self.place.control)?;
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        birth::go_on(ticket, Role::Save)?;
        let placed = super::place::place(&mut switch, &self.name)?;
        drop(line);
        ticket.leave(placed.old);
        Ok(Summary {
            seconds: ticket.began.elapsed().as_secs_f64(),
            bytes_after: placed.size,
            keys: report.keys,
            fork_micros: self.at_work.child.micros,
            cow_bytes: report.cow_bytes,
            ..Summary::default()
        })
    }
}
