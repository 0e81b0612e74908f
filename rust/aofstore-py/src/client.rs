//! `Client`: a view on the engine, with a codec; the one entrance for commands.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aofstore_core::command::{Reply, Spec};
use aofstore_core::engine::{Direct, Done, Due, Engine, Request, Session, Slot, Waiter, stands_still};
use aofstore_core::error::Error;
use aofstore_core::keyspace::Waste;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBool, PyTuple};

use crate::arguments::{Arguments, Codec};
use crate::error::{StoreClosedError, WatchError, raise, raise_reply};
use crate::events;
use crate::patience::unless_interrupted;
use crate::replies::Builder;

/// Commands of a pipeline up to which it runs without letting go of the interpreter.
const SHORT_BATCH: usize = 512;
/// How long a blocked thread sleeps between two looks for signals.
pub(crate) const NAP: Duration = Duration::from_millis(50);

thread_local! {
    /// The buffers of the last reply on this thread, used again by the next.
    static REPLY: RefCell<Reply> = const { RefCell::new(Reply::new()) };
}

/// Lends an empty reply. Python that runs while it is lent, in a handler of a signal or of a log record, gets another.
#[inline]
fn lend_reply<T>(work: impl FnOnce(&mut Reply) -> T) -> T {
    REPLY.with(|reply| match reply.try_borrow_mut() {
        Ok(mut reply) => {
            let told = work(&mut reply);
            reply.clear();
            told
        }
        Err(_) => work(&mut Reply::new()),
    })
}

#[pyclass(frozen, module = "aofstore._core", name = "Client")]
pub(crate) struct PyClient {
    engine: Arc<Engine>,
    db: usize,
    codec: Codec,
    /// None: a shared view without state.
    session: Option<Mutex<Session>>,
}

/// A session for the length of one call: the client's own, or a fresh stateless one.
enum Lease<'a> {
    Own(MutexGuard<'a, Session>),
    View(Session),
}

impl Lease<'_> {
    fn get(&mut self) -> &mut Session {
        match self {
            Self::Own(session) => session,
            Self::View(session) => session,
        }
    }
}

impl PyClient {
    pub(crate) fn new(engine: Arc<Engine>, db: usize, codec: Codec, stateful: bool) -> Self {
        let session = stateful.then(|| Mutex::new(Session::connection(db)));
        Self { engine, db, codec, session }
    }

    fn lease(&self, py: Python<'_>) -> PyResult<Lease<'_>> {
        let Some(own) = &self.session else { return Ok(Lease::View(Session::view(self.db))) };
        if let Ok(session) = own.try_lock() {
            return Ok(Lease::Own(session));
        }
        // In a forked copy the thread that has the session does not exist.
        self.engine.check_owner().map_err(|error| raise(py, &error))?;
        // Two threads on one session: the second waits its turn, without the interpreter.
        Ok(Lease::Own(own.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)))
    }

    /// Runs one command, name first.
    pub(crate) fn run<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        shape: Shape,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut arguments = Arguments::default();
        arguments.extend(args, &self.codec)?;
        let argv = arguments.slices();
        let built = lend_reply(|reply| self.run_into(py, &argv, reply, shape));
        events::emit(py, &self.engine);
        built
    }

    pub(crate) fn codec(&self) -> &Codec {
        &self.codec
    }

    /// Whether it has a MULTI queue and watches of its own.
    pub(crate) fn has_state(&self) -> bool {
        self.session.is_some()
    }

    /// One command of the keyspace, as [`execute`](Self::execute) or, by its shape, [`execute_ok`](Self::execute_ok)
    /// would run it. Not for a client that has state.
    #[inline]
    pub(crate) fn direct<'py>(
        &self,
        py: Python<'py>,
        spec: &'static Spec,
        argv: &[&[u8]],
        shape: Shape,
    ) -> PyResult<Bound<'py, PyAny>> {
        let built = lend_reply(|reply| match self.engine.try_direct(self.db, spec, argv, reply) {
            Direct::Answered => self.told(py, reply, shape),
            Direct::Ended(done) => self.finish(py, done, argv, reply, shape),
            Direct::Impassable => self.run_into(py, argv, reply, shape),
        });
        events::emit(py, &self.engine);
        built
    }

    fn run_into<'py>(
        &self,
        py: Python<'py>,
        argv: &[&[u8]],
        reply: &mut Reply,
        shape: Shape,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut lease = self.lease(py)?;
        let session = lease.get();
        let done = match self.engine.try_execute(session, argv, reply) {
            Some(done) => done,
            None if stands_still(argv) && !session.in_multi() => {
                let db = session.db();
                drop(lease);
                return self.stand_still(py, db, argv, shape);
            }
            None => py.detach(|| self.engine.execute(session, argv, reply)),
        };
        // Before anything that may run Python, which may use this session again.
        drop(lease);
        self.finish(py, done, argv, reply, shape)
    }

    /// Runs a command that takes long under the lock, unless Ctrl-C comes.
    fn stand_still<'py>(
        &self,
        py: Python<'py>,
        db: usize,
        argv: &[&[u8]],
        shape: Shape,
    ) -> PyResult<Bound<'py, PyAny>> {
        let words: Vec<Vec<u8>> = argv.iter().map(|word| word.to_vec()).collect();
        let (done, reply) = unless_interrupted(py, &self.engine, move |engine, given_up| {
            let argv: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let mut reply = Reply::new();
            (engine.execute_unless(&mut Session::view(db), &argv, &mut reply, given_up), reply)
        })?;
        self.finish(py, done, argv, &reply, shape)
    }

    /// Settles what is due, then tells how the command ended.
    fn finish<'py>(
        &self,
        py: Python<'py>,
        done: Result<Done, Error>,
        argv: &[&[u8]],
        reply: &Reply,
        shape: Shape,
    ) -> PyResult<Bound<'py, PyAny>> {
        let done = done.map_err(|error| raise(py, &error))?;
        free(py, done.waste);
        if let Some(waiter) = done.waiter {
            // Nothing is told yet, so nothing has to be safe. An error here would leave the waiter behind, to be
            // served an element that nobody takes.
            return self.wait(py, &waiter, argv);
        }
        settle(py, done.due.as_ref())?;
        done.outcome.map_err(|error| raise_reply(py, &error, self.engine.write_errno()))?;
        self.told(py, reply, shape)
    }

    /// The reply as Python's.
    #[inline]
    fn told<'py>(&self, py: Python<'py>, reply: &Reply, shape: Shape) -> PyResult<Bound<'py, PyAny>> {
        if let (Shape::Ok, [aofstore_core::command::Node::Status(_)]) = (shape, reply.nodes()) {
            return Ok(PyBool::new(py, true).to_owned().into_any());
        }
        Builder::new(py, reply, &self.codec, self.engine.write_errno()).next()
    }

    /// Sleeps, detached, until the command is served; looks for signals meanwhile.
    fn wait<'py>(&self, py: Python<'py>, waiter: &Waiter, argv: &[&[u8]]) -> PyResult<Bound<'py, PyAny>> {
        let mut interrupt = None;
        while py.detach(|| waiter.sleep(NAP)) {
            if let Err(signal) = py.check_signals() {
                interrupt = Some(signal);
                break;
            }
            // A handler may have forked.
            self.engine.check_owner().map_err(|error| raise(py, &error))?;
        }
        match py.detach(|| self.engine.leave(waiter)) {
            Slot::Served { reply, outcome, due } => {
                // A signal that came as late as this would be raised before the caller has what is returned.
                if let Some(signal) = interrupt.or_else(|| py.check_signals().err()) {
                    return Err(self.interrupted(
                        py,
                        signal,
                        waiter,
                        argv,
                        outcome.is_ok().then_some(&reply),
                    ));
                }
                settle(py, due.as_ref())?;
                outcome.map_err(|error| raise_reply(py, &error, self.engine.write_errno()))?;
                Builder::new(py, &reply, &self.codec, self.engine.write_errno()).next()
            }
            Slot::Waiting => interrupt.map_or_else(|| Ok(py.None().into_bound(py)), Err),
            Slot::Closed => Err(interrupt.unwrap_or_else(|| self.refusal(py))),
        }
    }

    /// The exception of a signal handler that ran when the command had been served already. Nobody would receive the
    /// element: it goes back to where it was, or along as a note.
    fn interrupted(
        &self,
        py: Python<'_>,
        signal: PyErr,
        waiter: &Waiter,
        argv: &[&[u8]],
        reply: Option<&Reply>,
    ) -> PyErr {
        let Some(reply) = reply else { return signal };
        if py.detach(|| self.engine.give_back(waiter, argv, reply)).unwrap_or(false) {
            return signal;
        }
        match Builder::new(py, reply, &self.codec, self.engine.write_errno()).next() {
            Ok(reply) => with_reply(py, signal, &reply),
            Err(_) => signal,
        }
    }

    /// Why a waiter was sent away.
    fn refusal(&self, py: Python<'_>) -> PyErr {
        match py.detach(|| self.engine.refusal()) {
            Error::Closed => StoreClosedError::new_err("the store was closed while the command waited"),
            defect => raise(py, &defect),
        }
    }
}

/// What becomes of a status reply.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Raw,
    /// True, as redis-py has it.
    Ok,
}

/// The reply goes along as a note.
fn with_reply(py: Python<'_>, signal: PyErr, reply: &Bound<'_, PyAny>) -> PyErr {
    let noted = reply.repr().and_then(|reply| {
        let note = format!("the command had been served already; its reply was {}", reply.to_str()?);
        signal.value(py).call_method1("add_note", (note,))
    });
    noted.err().unwrap_or(signal)
}

/// Frees big values, which can take long, without the interpreter.
fn free(py: Python<'_>, waste: Waste) {
    if !waste.is_empty() {
        py.detach(|| drop(waste));
    }
}

/// Writes, and waits for a sync if the policy says so, before anybody is told. Never waits while attached: whoever is
/// let out before this one needs the interpreter to let out the next.
fn settle(py: Python<'_>, due: Option<&Due>) -> PyResult<()> {
    let Some(due) = due else { return Ok(()) };
    if due.try_settle() {
        return Ok(());
    }
    let (settled, awake) = py.detach(|| (due.reach(), Instant::now()));
    // Attached again: the next who waits would have met this thread at the interpreter's door.
    due.left(awake.elapsed());
    settled.map_err(|error| raise(py, &error))
}

#[pymethods]
impl PyClient {
    #[getter]
    fn db(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.lease(py)?.get().db())
    }

    #[pyo3(signature = (*args))]
    fn execute<'py>(&self, py: Python<'py>, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        self.run(py, args, Shape::Raw)
    }

    #[pyo3(signature = (*args))]
    fn execute_ok<'py>(&self, py: Python<'py>, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        self.run(py, args, Shape::Ok)
    }

    fn check(&self, py: Python<'_>) -> PyResult<()> {
        self.engine.check().map_err(|error| raise(py, &error))
    }

    /// Forgets the session's state: its queue and its watches.
    fn close(&self, py: Python<'_>) {
        if let Some(session) = &self.session
            && self.engine.check_owner().is_ok()
        {
            py.detach(|| {
                let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
                self.engine.end_session(&mut session);
            });
        }
    }
}

impl PyClient {
    pub(crate) fn builder<'a, 'py>(&'a self, py: Python<'py>, reply: &'a Reply) -> Builder<'a, 'py> {
        Builder::new(py, reply, &self.codec, self.engine.write_errno())
    }

    /// Runs a pipeline; each reply stands in `reply`, errors among them.
    pub(crate) fn run_batch(
        &self,
        py: Python<'_>,
        batch: &[Request<'_>],
        transaction: bool,
        reply: &mut Reply,
    ) -> PyResult<()> {
        let mut lease = self.lease(py)?;
        let session = lease.get();
        let tried = (batch.len() <= SHORT_BATCH)
            .then(|| self.engine.try_execute_batch(session, batch, transaction, reply));
        let done = tried.flatten().unwrap_or_else(|| {
            py.detach(|| {
                if transaction {
                    self.engine.execute_transaction(session, batch, reply)
                } else {
                    self.engine.execute_batch(session, batch, reply).map(Some)
                }
            })
        });
        drop(lease);
        match done.map_err(|error| raise(py, &error))? {
            Some(done) => {
                free(py, done.waste);
                settle(py, done.due.as_ref())
            }
            None => Err(WatchError::new_err("Watched variable changed.")),
        }
    }
}

impl Drop for PyClient {
    fn drop(&mut self) {
        if let Some(session) = &mut self.session {
            let session = session.get_mut().unwrap_or_else(PoisonError::into_inner);
            let engine = &self.engine;
            // Another thread may have the engine's lock for long: not with the interpreter.
            if Python::try_attach(|py| py.detach(|| engine.end_session(session))).is_none() {
                engine.end_session(session);
            }
        }
    }
}
