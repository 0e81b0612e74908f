//! The only way to change data: look the command up, check, run it, append its effect.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use smallvec::SmallVec;

use super::blocking::Waiter;
use super::core::{Core, Engine, Group};
use super::session::Session;
use crate::aof::{Log, Policy, Status};
use crate::clock;
use crate::command::{
    self, Argv, Context, ErrorReply, Flags, Handler, Outcome, Record, Reply, Spec, Wait, errors,
};
use crate::error::{Error, Result};

/// How a command ended inside the engine; [`Engine::settle`] comes before anybody may be told.
pub struct Done {
    /// The error that replaces the reply, if any.
    pub outcome: Outcome,
    /// Set when a blocking command has to wait for its reply.
    pub waiter: Option<Arc<Waiter>>,
    /// What must be written (and synced) first.
    pub due: Option<Due>,
}

/// A position of the log that an acknowledgement depends on.
#[derive(Clone)]
pub struct Due {
    log: Arc<Log>,
    end: u64,
    /// The command itself wrote: if its record cannot be made safe, it must not be acknowledged.
    strict: bool,
    duty: Duty,
}

/// What else has to happen before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    Nothing,
    /// A sync, whatever the policy says.
    Sync,
    /// The log takes this policy; going to `always` syncs first.
    Policy(Policy),
}

impl Due {
    /// Whether [`Due::settle`] may block for long.
    pub fn needs_wait(&self) -> bool {
        self.duty != Duty::Nothing || self.log.needs_wait(self.end)
    }

    /// Everything is synced, or the reason why not is told.
    pub(super) fn sync(log: Arc<Log>) -> Self {
        Self { end: log.position(), log, strict: true, duty: Duty::Sync }
    }

    /// The same for a waiter that was served meanwhile: the duty is the caller's.
    fn of_waiter(&self) -> Self {
        Self { duty: Duty::Nothing, ..self.clone() }
    }

    /// Writes, and under `always` syncs, everything up to this position.
    pub fn settle(&self) -> Result<()> {
        match self.duty {
            Duty::Nothing => {}
            Duty::Sync => return self.log.flush(true),
            Duty::Policy(policy) => self.log.set_policy(policy)?,
        }
        if self.strict {
            return self.log.finish(self.end);
        }
        // A reader only waits for others' bytes, and not at all while the log is failing: memory answers.
        if self.log.status() == Status::Sound {
            drop(self.log.finish(self.end));
        }
        Ok(())
    }
}

impl Engine {
    /// Runs one command. The reply is complete unless `Done` says otherwise.
    pub fn execute(&self, session: &mut Session, argv: &[&[u8]], reply: &mut Reply) -> Result<Done> {
        self.run(|core| core.one(session, argv, reply))
    }

    /// Does the work under the lock, and frees what it threw away behind it.
    pub(super) fn run<T>(&self, work: impl FnOnce(&mut Core) -> Result<T>) -> Result<T> {
        let mut core = self.shared.enter()?;
        let done = core.guarded(work);
        let discarded = core.space.take_discarded();
        drop(core);
        drop(discarded);
        done
    }

    /// As [`Engine::execute`]; None, with nothing done, if it might have to wait: another thread holds the lock or
    /// writes, or the command is slow.
    pub fn try_execute(
        &self,
        session: &mut Session,
        argv: &[&[u8]],
        reply: &mut Reply,
    ) -> Option<Result<Done>> {
        if is_slow(argv) {
            return None;
        }
        let entered = self.enter_at_once()?;
        Some(entered.and_then(|mut core| core.guarded(|core| core.one(session, argv, reply))))
    }

    /// The lock if nothing that needs it can wait: nobody has it, and nobody has the log's for the time of a write.
    fn enter_at_once(&self) -> Option<Result<MutexGuard<'_, Core>>> {
        match self.shared.try_enter().transpose()? {
            Ok(core) if core.log.as_ref().is_some_and(|log| log.is_writing()) => None,
            entered => Some(entered),
        }
    }

    /// Runs the commands as one transaction: all of them, or none when one cannot be queued (then its error stands
    /// at its place and EXECABORT at every other) or, told by None, when a watched key changed.
    pub fn execute_transaction(
        &self,
        session: &mut Session,
        batch: &[&[&[u8]]],
        reply: &mut Reply,
    ) -> Result<Option<Done>> {
        self.run(|core| core.transaction(session, batch, reply))
    }

    /// Forgets the queue and the watches of a session. Takes the lock only if there are any.
    pub fn end_session(&self, session: &mut Session) {
        if session.is_idle() {
            return;
        }
        if let Ok(mut core) = self.shared.enter() {
            session.multi = None;
            core.unwatch(session);
        }
    }

    /// The system's number behind the last MISCONF; 0 if there was none.
    pub fn write_errno(&self) -> i32 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Runs several commands under one hold of the lock and one append; the replies stand one behind the other in
    /// `reply`, errors as error nodes.
    pub fn execute_batch(
        &self,
        session: &mut Session,
        batch: &[&[&[u8]]],
        reply: &mut Reply,
    ) -> Result<Done> {
        self.run(|core| core.batch(session, batch, reply))
    }

    /// [`Engine::execute_batch`] or [`Engine::execute_transaction`]; None, with nothing done, if it might have to
    /// wait.
    pub fn try_execute_batch(
        &self,
        session: &mut Session,
        batch: &[&[&[u8]]],
        transaction: bool,
        reply: &mut Reply,
    ) -> Option<Result<Option<Done>>> {
        if batch.iter().any(|argv| is_slow(argv)) {
            return None;
        }
        let entered = self.enter_at_once()?;
        Some(entered.and_then(|mut core| {
            core.guarded(|core| {
                if transaction {
                    core.transaction(session, batch, reply)
                } else {
                    core.batch(session, batch, reply).map(Some)
                }
            })
        }))
    }

    /// Panics under the lock, as a defect of a command would.
    #[doc(hidden)]
    #[expect(clippy::panic, reason = "that is what it is for")]
    pub fn panic_inside(&self) -> Result<()> {
        self.shared.enter()?.guarded(|_| std::panic::panic_any("a panic on purpose"))
    }
}

fn is_slow(argv: &[&[u8]]) -> bool {
    let spec = argv.first().and_then(|name| command::lookup(name));
    spec.is_some_and(|spec| spec.flags.contains(Flags::SLOW))
}

impl Core {
    /// Turns a panic of ours into a latched store instead of a dead host.
    pub(super) fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if let Some(defect) = &self.defect {
            return Err(Error::Internal(defect.clone()));
        }
        catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|panic| Err(self.break_down(&*panic)))
    }

    /// Nothing is answered from here on: memory may be half changed. Who waits is woken, since nobody can serve.
    pub(super) fn break_down(&mut self, panic: &(dyn Any + Send)) -> Error {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "panic".to_owned());
        (self.gathered, self.paused, self.instant) = (None, None, None);
        self.defect = Some(text.clone());
        self.close_waiters();
        Error::Internal(text)
    }

    fn transaction(
        &mut self,
        session: &mut Session,
        batch: &[&[&[u8]]],
        reply: &mut Reply,
    ) -> Result<Option<Done>> {
        let checked: Vec<_> = batch.iter().map(|argv| self.queueable(argv)).collect();
        let now = clock::now_ms();
        let stale = self.is_stale(session, now);
        self.unwatch(session);
        session.multi = None;
        if checked.iter().any(std::result::Result::is_err) {
            for outcome in &checked {
                reply.error(outcome.as_ref().err().unwrap_or(&errors::EXEC_ABORT).text());
            }
            return Ok(Some(Done { outcome: Ok(()), waiter: None, due: None }));
        }
        if stale {
            return Ok(None);
        }
        let mut queue = super::queue::Queue::default();
        for (argv, spec) in batch.iter().zip(checked) {
            if let Ok(spec) = spec {
                queue.push(spec, argv);
            }
        }
        self.gathered = Some(Vec::new());
        self.run_queue(session, &queue, now, reply);
        self.serve_waiters();
        self.feed_gathered();
        Ok(Some(Done { outcome: Ok(()), waiter: None, due: self.acknowledgement() }))
    }

    /// The command, if it may stand in a transaction.
    fn queueable(&self, argv: &[&[u8]]) -> std::result::Result<&'static Spec, ErrorReply> {
        let spec = self.checked(argv)?;
        if super::transaction::runs_in_multi(spec) || spec.flags.contains(Flags::NO_MULTI) {
            return Err(format!("ERR Command '{}' not allowed inside a transaction", spec.name).into());
        }
        Ok(spec)
    }

    fn one(&mut self, session: &mut Session, argv: &[&[u8]], reply: &mut Reply) -> Result<Done> {
        // A push may serve waiters: their pops belong into the same append.
        let gather = !self.space.waited.is_empty();
        if gather {
            self.gathered = Some(Vec::new());
        }
        let (outcome, wait) = match self.dispatch(session, argv, reply) {
            Ok(wait) => (Ok(()), wait),
            Err(error) => (Err(error), None),
        };
        let waiter = match self.paused.take() {
            Some(pause) => Some(self.pause(pause, reply)),
            None => wait.map(|wait| self.enqueue(session, argv, wait, reply)),
        };
        if gather {
            self.serve_waiters();
            self.feed_gathered();
        }
        Ok(Done { outcome, waiter, due: self.acknowledgement() })
    }

    fn batch(&mut self, session: &mut Session, batch: &[&[&[u8]]], reply: &mut Reply) -> Result<Done> {
        self.gathered = Some(Vec::new());
        for argv in batch {
            if let Err(error) = self.dispatch(session, argv, reply) {
                reply.error(error.text());
            }
        }
        // Nobody waits in a pipeline: the replies that were given at once stand.
        self.paused = None;
        self.serve_waiters();
        self.feed_gathered();
        Ok(Done { outcome: Ok(()), waiter: None, due: self.acknowledgement() })
    }

    /// What the caller has to wait for: under `always` everything fed so far, by whomever.
    fn due(&mut self) -> Option<Due> {
        let strict = std::mem::take(&mut self.wrote);
        let duty = self.new_policy.take().map_or(Duty::Nothing, Duty::Policy);
        let log = self.log.as_ref()?;
        let end = log.position();
        if duty == Duty::Nothing && log.is_durable(end) {
            return None;
        }
        Some(Due { log: Arc::clone(log), end, strict, duty })
    }

    /// The same for everybody who is answered now: the caller and the waiters it served.
    pub(super) fn acknowledgement(&mut self) -> Option<Due> {
        let due = self.due();
        self.deliver(due.as_ref().map(Due::of_waiter).as_ref());
        due
    }

    /// Finds the command and runs or queues it. Some: it found nothing and would wait.
    fn dispatch(
        &mut self,
        session: &mut Session,
        argv: &[&[u8]],
        reply: &mut Reply,
    ) -> std::result::Result<Option<Wait>, ErrorReply> {
        self.stats.commands += 1;
        self.dispatch_counted(session, argv, reply).inspect_err(|_| self.stats.errors += 1)
    }

    fn dispatch_counted(
        &mut self,
        session: &mut Session,
        argv: &[&[u8]],
        reply: &mut Reply,
    ) -> std::result::Result<Option<Wait>, ErrorReply> {
        let checked = self.checked(argv);
        if let Err(error) = &checked
            && argv.first().is_some_and(|name| command::is_word(name, "EXEC"))
        {
            return Err(self.abort(session, error));
        }
        if let Some(queue) = &mut session.multi {
            match checked {
                Err(error) => {
                    queue.failed = true;
                    return Err(error);
                }
                Ok(spec) if !super::transaction::runs_in_multi(spec) => {
                    if spec.flags.contains(Flags::NO_MULTI) {
                        return Err(
                            format!("ERR Command '{}' not allowed inside a transaction", spec.name).into()
                        );
                    }
                    queue.push(spec, argv);
                    reply.status("QUEUED");
                    return Ok(None);
                }
                Ok(_) => {}
            }
        }
        let spec = checked?;
        if !session.stateful && super::transaction::needs_state(spec) {
            return Err(format!("ERR '{}' needs a session of its own", spec.name).into());
        }
        match spec.handler {
            Handler::Keyspace(_) => self.call(session.db, spec, argv, reply),
            Handler::Engine(which) => self.engine_command(session, which, spec, argv, reply).map(|()| None),
        }
    }

    /// The command, if it exists, has the right number of arguments and may run now.
    fn checked(&self, argv: &[&[u8]]) -> std::result::Result<&'static Spec, ErrorReply> {
        let name = argv.first().copied().unwrap_or_default();
        let spec = command::lookup(name).ok_or_else(|| errors::unknown_command(argv))?.subcommand(argv)?;
        if !spec.accepts(argv.len()) {
            return Err(errors::wrong_arity(spec.name));
        }
        // The reader of the log refuses it as well: acknowledged, it would make the file unreadable.
        let longest = self.settings.limits.proto_max_bulk_len;
        if argv.iter().any(|arg| arg.len() > longest) {
            return Err(errors::STRING_TOO_LONG);
        }
        if self.loading && !spec.flags.contains(Flags::LOADING) {
            return Err(errors::LOADING);
        }
        if spec.is_write() || spec.name == "PING" {
            self.refuse_if_failing()?;
        }
        Ok(spec)
    }

    /// MISCONF while the log cannot be written (M-01, M-03).
    pub(super) fn refuse_if_failing(&self) -> Outcome {
        match self.log.as_ref().map_or(Status::Sound, |log| log.status()) {
            Status::Sound => Ok(()),
            Status::Refusing { errno } | Status::Latched { errno } => {
                self.refused.store(errno, Ordering::Relaxed);
                Err(misconf(errno))
            }
        }
    }

    /// Runs a keyspace command on `db` and appends or gathers its effect.
    pub(super) fn call(
        &mut self,
        db: usize,
        spec: &'static Spec,
        argv: &[&[u8]],
        reply: &mut Reply,
    ) -> std::result::Result<Option<Wait>, ErrorReply> {
        let Handler::Keyspace(run) = spec.handler else { return Err(errors::SYNTAX) };
        self.effects.begin(db);
        let mut cx = Context {
            keys: self.space.keys(db, self.instant.unwrap_or_else(clock::now_ms)),
            reply,
            effects: &mut self.effects,
            replaying: false,
            name: spec.name,
            wait: None,
        };
        self.wrote |= spec.is_write();
        let outcome = command::run(spec, run, &mut cx, argv);
        let wait = cx.wait.take();
        self.space.stats.dirty += self.effects.changes();
        self.log_effect(db, spec, argv);
        outcome.map(|()| wait)
    }

    fn log_effect(&mut self, db: usize, spec: &Spec, argv: &[&[u8]]) {
        let Some(log) = &self.log else {
            if self.space.has_purged() {
                self.space.take_purged();
            }
            return;
        };
        if self.gathered.is_none() && !self.space.has_purged() && self.effects.rewritten().len() < 2 {
            if let Some(record) = self.effects.rewritten().first() {
                log.feed(|feed| feed.command(record.db as u32, record.argv.iter()));
            } else if self.effects.is_verbatim() {
                let mut canonical: SmallVec<[&[u8]; 16]> = SmallVec::from_slice(argv);
                if let Some(name) = canonical.first_mut() {
                    *name = spec.name.as_bytes();
                }
                log.feed(|feed| feed.command(db as u32, canonical.iter().copied()));
            }
            return;
        }
        let group = self.group(db, spec, argv);
        if !group.records.is_empty() {
            match &mut self.gathered {
                Some(groups) => groups.push(group),
                None => self.feed_groups(&[group]),
            }
        }
    }

    /// The records of the command that just ran: deletions by expiry first.
    fn group(&mut self, db: usize, spec: &Spec, argv: &[&[u8]]) -> Group {
        let purged = self.space.take_purged().into_iter();
        let mut records: Vec<Record> =
            purged.map(|(db, key)| Record { db, argv: Argv::of(&[b"DEL", &key]) }).collect();
        if self.effects.is_verbatim() {
            let mut canonical = Argv::of(&[spec.name.as_bytes()]);
            argv.iter().skip(1).for_each(|arg| canonical.push(arg));
            records.push(Record { db, argv: canonical });
        }
        records.extend_from_slice(self.effects.rewritten());
        Group { records, apart: spec.flags.contains(Flags::ARBITRARY_KEYS) }
    }

    /// Appends everything gathered, in one piece.
    pub(super) fn feed_gathered(&mut self) {
        let groups = self.gathered.take().unwrap_or_default();
        if !groups.is_empty() {
            self.feed_groups(&groups);
        }
    }

    fn feed_groups(&self, groups: &[Group]) {
        if let Some(log) = &self.log {
            feed(log, groups);
        }
    }

    /// Logs keys that were purged outside of any command, one by one.
    pub(super) fn feed_purged(&mut self) {
        if !self.space.has_purged() {
            return;
        }
        let purged = self.space.take_purged();
        if let Some(log) = &self.log {
            log.feed(|feed| {
                for (db, key) in &purged {
                    feed.command(*db as u32, [b"DEL".as_slice(), key]);
                }
            });
        }
    }
}

fn feed(log: &Log, groups: &[Group]) {
    log.feed(|feed| {
        for group in groups {
            let wrapped = group.records.len() > 1 && !group.apart;
            if wrapped {
                feed.multi();
            }
            for record in &group.records {
                feed.command(record.db as u32, record.argv.iter());
            }
            if wrapped {
                feed.exec();
            }
        }
    });
}

/// Redis's text with the system's own words for `errno`.
pub(super) fn misconf(errno: i32) -> ErrorReply {
    let words = std::io::Error::from_raw_os_error(errno).to_string();
    let words = words.split(" (os error").next().unwrap_or_default();
    format!("MISCONF Errors writing to the AOF file: {words}").into()
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
#[path = "execute_tests.rs"]
mod tests;
