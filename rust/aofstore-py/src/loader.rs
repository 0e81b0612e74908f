//! `Loader`: one file's replay, in steps that Python paces.

use std::ffi::OsString;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aofstore_core::engine::Engine;
use aofstore_core::fs::Dir;
use aofstore_core::load::{Behind, Ended, Loader, Options, cut_tail};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::directory::{PyDirectory, refused};
use crate::error::raise;
use crate::patience::unless_interrupted;

#[pyclass(frozen, module = "aofstore._core", name = "Loader")]
pub(crate) struct PyLoader {
    engine: Arc<Engine>,
    name: String,
    open: Arc<Mutex<Option<Open>>>,
}

/// What is let go of when the loader is closed: a traceback may keep the loader much longer.
struct Open {
    dir: Arc<dyn Dir>,
    loader: Loader,
}

fn lock(open: &Mutex<Option<Open>>) -> MutexGuard<'_, Option<Open>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PyLoader {
    #[expect(clippy::too_many_arguments, reason = "as many as Python names")]
    pub(crate) fn open(
        py: Python<'_>,
        engine: &Arc<Engine>,
        directory: &PyDirectory,
        name: &str,
        until: Option<i64>,
        base: bool,
        snapshot: bool,
        expire: bool,
    ) -> PyResult<Self> {
        let dir = directory.dir(py)?;
        let options = Options { until, base, snapshot, expire, ..engine.load_options() };
        let opened = Loader::open(&*dir, name, options);
        let loader = opened.map_err(|error| raise(py, &error))?;
        engine.begin_load().map_err(|error| raise(py, &error))?;
        let open = Arc::new(Mutex::new(Some(Open { dir, loader })));
        Ok(Self { engine: Arc::clone(engine), name: name.to_owned(), open })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        lock(&self.open)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Loader) -> T) -> PyResult<T> {
        self.lock().as_mut().map(|open| work(&mut open.loader)).ok_or_else(closed)
    }

    /// As `with`, for work that may take long.
    fn detached<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut Open) -> T + Send) -> PyResult<T> {
        py.detach(|| self.lock().as_mut().map(work)).ok_or_else(closed)
    }
}

#[pymethods]
impl PyLoader {
    #[getter]
    fn bytes_done(&self) -> PyResult<u64> {
        self.with(|loader| loader.progress().0)
    }

    #[getter]
    fn bytes_total(&self) -> PyResult<u64> {
        self.with(|loader| loader.progress().1)
    }

    #[getter]
    fn in_snapshot(&self) -> PyResult<bool> {
        self.with(|loader| loader.is_in_snapshot())
    }

    #[getter]
    fn keys(&self) -> PyResult<u64> {
        self.with(|loader| loader.keys())
    }

    #[getter]
    fn expired(&self) -> PyResult<u64> {
        self.with(|loader| loader.expired())
    }

    #[getter]
    fn commands(&self) -> PyResult<u64> {
        self.with(|loader| loader.kept_commands())
    }

    #[pyo3(signature = (budget_ms, /))]
    fn step(&self, py: Python<'_>, budget_ms: u64) -> PyResult<bool> {
        let budget = Duration::from_millis(budget_ms);
        let stepped = if self.with(|loader| loader.is_before_large())? {
            let open = Arc::clone(&self.open);
            let step = move |engine: &Engine, given_up: &Arc<AtomicBool>| {
                lock(&open).as_mut().map(|open| {
                    open.loader.unless(given_up);
                    engine.load_step(&mut open.loader, budget)
                })
            };
            unless_interrupted(py, &self.engine, step)?.ok_or_else(closed)?
        } else {
            self.detached(py, |open| self.engine.load_step(&mut open.loader, budget))?
        };
        stepped.map_err(|error| raise(py, &error))
    }

    fn outcome(&self) -> PyResult<(&'static str, u64)> {
        self.with(|loader| match loader.ended() {
            Some(Ended::Torn { valid_to }) => ("torn", valid_to),
            Some(Ended::Later { at }) => ("later", at),
            _ => ("whole", loader.progress().1),
        })
    }

    /// How far the file is good.
    #[getter]
    fn valid_to(&self) -> PyResult<u64> {
        self.with(|loader| loader.reader().valid_to())
    }

    /// After a step that found damage at `offset`: what is behind it, and where. "nothing" makes the outcome "torn".
    #[pyo3(signature = (offset, /))]
    fn look_behind(&self, py: Python<'_>, offset: u64) -> PyResult<(&'static str, u64)> {
        let longest = self.engine.load_options().max_bulk;
        let (found, path) = self.detached(py, |open| {
            let found = open.loader.look_behind(&*open.dir, &self.name, offset, longest);
            (found, open.dir.path().join(&self.name))
        })?;
        match found.map_err(|error| raise(py, &refused(&path, "read", &error)))? {
            Behind::Nothing => Ok(("nothing", offset)),
            Behind::Commands(at) => Ok(("commands", at)),
            Behind::Undecided => Ok(("undecided", offset)),
            Behind::Snapshot => Ok(("snapshot", offset)),
        }
    }

    fn truncate(&self, py: Python<'_>) -> PyResult<OsString> {
        // A progress callback may have forked: the file is the original's.
        self.engine.check().map_err(|error| raise(py, &error))?;
        let ended = self.with(|loader| loader.ended())?;
        let Some(Ended::Torn { valid_to }) = ended else {
            return Err(PyRuntimeError::new_err("the file is not torn"));
        };
        let saved = self.detached(py, |open| {
            let saved = cut_tail(&*open.dir, &self.name, valid_to)?;
            Ok(open.dir.path().join(saved).into_os_string())
        })?;
        saved.map_err(|error| raise(py, &error))
    }

    fn close(&self) {
        drop(self.lock().take());
    }
}

fn closed() -> PyErr {
    PyRuntimeError::new_err("the loader is closed")
}
