//! The only way to change data: look the command up, check, run it, append its effect.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::core::{Core, Engine};
use super::due::Done;
use super::session::Session;
use crate::aof::{Pen, Status};
use crate::command::{
    self, Context, ErrorReply, Flags, Handler, KeyPositions, Outcome, Reply, Spec, Wait, errors,
};
use crate::error::{Error, Result};
use crate::rdb::file::{About, Snapshot};
use crate::rdb::value::Version;

impl Engine {
    /// Runs one command. The reply is complete unless `Done` says otherwise.
    pub fn execute(&self, session: &mut Session, argv: &[&[u8]], reply: &mut Reply) -> Result<Done> {
        self.run(|core| core.one(session, argv, reply))
    }

    /// Does the work under the lock, and frees behind it what it threw away and did not give out.
    pub(super) fn run<T>(&self, work: impl FnOnce(&mut Core) -> Result<T>) -> Result<T> {
        let mut core = self.shared.enter()?;
        let done = core.guarded(work);
        let waste = core.space.take_waste();
        drop(core);
        drop(waste);
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
    pub(super) fn enter_at_once(&self) -> Option<Result<MutexGuard<'_, Core>>> {
        match self.shared.try_enter().transpose()? {
            Ok(core) if core.log.as_ref().is_some_and(|log| log.is_writing()) => None,
            entered => Some(entered),
        }
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

    /// The whole keyspace as a snapshot, in memory: for tests.
    #[doc(hidden)]
    pub fn snapshot(&self, version: i64) -> Result<Vec<u8>> {
        let version = Version::from_number(version).ok_or_else(|| Error::Config("unknown version".into()))?;
        let about = About { version, redis_version: "7.2.0", created: 0, used_memory: 0, aof_base: false };
        self.run(|core| {
            let mut bytes = Vec::new();
            let snapshot = Snapshot::prepare(about);
            let mut snapshot =
                if core.settings.limits.rdb_compression { snapshot.packed() } else { snapshot };
            snapshot.write(&core.space, &mut bytes);
            Ok(bytes)
        })
    }

    /// Panics under the lock, as a defect of a command would.
    #[doc(hidden)]
    #[expect(clippy::panic, reason = "that is what it is for")]
    pub fn panic_inside(&self) -> Result<()> {
        self.shared.enter()?.guarded(|_| std::panic::panic_any("a panic on purpose"))
    }
}

pub(super) fn is_slow(argv: &[&[u8]]) -> bool {
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
        self.gathered.forget();
        (self.paused, self.instant, self.owed) = (None, None, None);
        self.defect = Some(text.clone());
        self.close_waiters();
        Error::Internal(text)
    }

    pub(super) fn one(&mut self, session: &mut Session, argv: &[&[u8]], reply: &mut Reply) -> Result<Done> {
        // A push may serve waiters: their pops belong into the same append.
        let gather = !self.space.waited.is_empty();
        if gather {
            self.gathered.begin();
        }
        let spec = argv.first().and_then(|name| command::lookup(name));
        let (outcome, wait) = match self.dispatch(session, spec, argv, reply) {
            Ok(wait) => (Ok(()), wait),
            Err(error) => (Err(error), None),
        };
        let waiter = match self.paused.take() {
            Some(pause) => Some(self.pause(pause, reply)),
            None => wait.map(|wait| self.enqueue(session, argv, wait, reply)),
        };
        if gather {
            self.serve_waiters();
            self.feed_gathered(None);
        }
        Ok(Done { outcome, waiter, due: self.acknowledgement(), waste: self.space.take_waste() })
    }

    /// Runs or queues the command that `argv` names. Some: it found nothing and would wait.
    pub(super) fn dispatch(
        &mut self,
        session: &mut Session,
        spec: Option<&'static Spec>,
        argv: &[&[u8]],
        reply: &mut Reply,
    ) -> std::result::Result<Option<Wait>, ErrorReply> {
        let outcome = self.dispatch_counted(session, spec, argv, reply);
        if let Err(error) = &outcome {
            self.blame(session, spec, argv, error);
        }
        outcome
    }

    fn dispatch_counted(
        &mut self,
        session: &mut Session,
        spec: Option<&'static Spec>,
        argv: &[&[u8]],
        reply: &mut Reply,
    ) -> std::result::Result<Option<Wait>, ErrorReply> {
        let checked = self.admitted(spec, argv);
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
                        queue.failed = true;
                        return Err(errors::NOT_IN_TRANSACTION);
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
        self.perform(session, spec, argv, reply)
    }

    /// Counts the error of a command, with the command's own if there is one.
    #[cold]
    pub(super) fn blame(
        &mut self,
        session: &Session,
        named: Option<&'static Spec>,
        argv: &[&[u8]],
        error: &ErrorReply,
    ) {
        self.stats.failed(error);
        let Some(spec) = named.and_then(|spec| spec.subcommand(argv).ok()) else { return };
        let barred = session.in_multi() && spec.flags.contains(Flags::NO_MULTI);
        if barred || self.admitted(named, argv).is_err() {
            self.stats.calls(spec).rejected += 1;
        } else {
            self.stats.calls(spec).failed += 1;
        }
    }

    /// Carries out a command that was checked, under the eye of the latency monitor if that is on.
    #[inline]
    pub(super) fn perform(
        &mut self,
        session: &mut Session,
        spec: &'static Spec,
        argv: &[&[u8]],
        reply: &mut Reply,
    ) -> std::result::Result<Option<Wait>, ErrorReply> {
        if spec.flags.contains(Flags::SLOW) || self.latency.is_on() {
            return self.perform_timed(session, spec, argv, reply);
        }
        self.carry_out(session, spec, argv, reply)
    }

    #[cold]
    fn perform_timed(
        &mut self,
        session: &mut Session,
        spec: &'static Spec,
        argv: &[&[u8]],
        reply: &mut Reply,
    ) -> std::result::Result<Option<Wait>, ErrorReply> {
        let start = Instant::now();
        let outcome = self.carry_out(session, spec, argv, reply);
        if outcome.is_ok() && spec.name == "FLUSHALL" {
            self.flushed();
        }
        self.measure(spec, start);
        outcome
    }

    #[inline]
    fn carry_out(
        &mut self,
        session: &mut Session,
        spec: &'static Spec,
        argv: &[&[u8]],
        reply: &mut Reply,
    ) -> std::result::Result<Option<Wait>, ErrorReply> {
        let outcome = match spec.handler {
            Handler::Keyspace(_) => self.call(session.db, spec, argv, reply, None),
            Handler::Engine(which) => self.engine_command(session, which, spec, argv, reply).map(|()| None),
        };
        self.stats.ran(spec);
        outcome
    }

    /// The command, if it exists, has the right number of arguments and may run now.
    pub(super) fn admitted(
        &self,
        spec: Option<&'static Spec>,
        argv: &[&[u8]],
    ) -> std::result::Result<&'static Spec, ErrorReply> {
        let spec = spec.ok_or_else(|| errors::unknown_command(argv))?.subcommand(argv)?;
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
        if self.view && spec.is_write() {
            return Err(errors::READ_ONLY);
        }
        if spec.is_write() || spec.name == "PING" {
            self.refuse_if_failing()?;
        }
        Ok(spec)
    }

    /// MISCONF while the log cannot be written, or snapshots cannot (M-01, M-03, M-06).
    pub(super) fn refuse_if_failing(&self) -> Outcome {
        match self.log.as_ref().map_or(Status::Sound, |log| log.status()) {
            Status::Sound => self.refuse_if_unsaved(),
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
        pen: Option<&mut Pen<'_>>,
    ) -> std::result::Result<Option<Wait>, ErrorReply> {
        let Handler::Keyspace(run) = spec.handler else { return Err(errors::SYNTAX) };
        self.effects.begin(db);
        let mut cx = Context {
            keys: self.space.keys_at(db, self.instant),
            reply,
            effects: &mut self.effects,
            replaying: false,
            name: spec.name,
            wait: None,
        };
        if let KeyPositions::Range { first, .. } = spec.keys
            && let Some(key) = argv.get(first)
        {
            cx.keys.look_ahead(key);
        }
        let outcome = command::run(spec, run, &mut cx, argv);
        let wait = cx.wait.take();
        self.space.stats.dirty += self.effects.changes();
        self.wrote |= self.effects.changes() > 0;
        self.log_effect(db, spec, argv, pen);
        outcome.map(|()| wait)
    }
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
