//! `Loader`: one file's replay, in steps that Python paces.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aofstore_core::engine::Engine;
use aofstore_core::fs::Dir;
use aofstore_core::load::{Behind, Ended, Loader, Options, cut_tail};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::directory::{PyDirectory, refused};
use crate::error::raise;

#[pyclass(frozen, module = "aofstore._core", name = "Loader")]
pub(crate) struct PyLoader {
    engine: Arc<Engine>,
    dir: Arc<dyn Dir>,
    name: String,
    loader: Mutex<Option<Loader>>,
}

impl PyLoader {
    pub(crate) fn open(
        py: Python<'_>,
        engine: &Arc<Engine>,
        directory: &PyDirectory,
        name: &str,
        until: Option<i64>,
        base: bool,
        snapshot: bool,
    ) -> PyResult<Self> {
        let dir = directory.dir(py)?;
        let options = Options { until, base, snapshot, ..engine.load_options() };
        let opened = Loader::open(&*dir, name, options);
        let loader = opened.map_err(|error| raise(py, &error))?;
        engine.begin_load().map_err(|error| raise(py, &error))?;
        Ok(Self { engine: Arc::clone(engine), dir, name: name.to_owned(), loader: Mutex::new(Some(loader)) })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Loader>> {
        self.loader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Loader) -> T) -> PyResult<T> {
        let mut loader = self.lock();
        loader.as_mut().map(work).ok_or_else(|| PyRuntimeError::new_err("the loader is closed"))
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
    fn commands(&self) -> PyResult<u64> {
        self.with(|loader| loader.kept_commands())
    }

    #[pyo3(signature = (budget_ms, /))]
    fn step(&self, py: Python<'_>, budget_ms: u64) -> PyResult<bool> {
        let budget = Duration::from_millis(budget_ms);
        let stepped = py.detach(|| self.lock().as_mut().map(|loader| self.engine.load_step(loader, budget)));
        match stepped {
            Some(stepped) => stepped.map_err(|error| raise(py, &error)),
            None => Err(PyRuntimeError::new_err("the loader is closed")),
        }
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
        let look = |loader: &mut Loader| loader.look_behind(&*self.dir, &self.name, offset, longest);
        let found = py.detach(|| self.lock().as_mut().map(look));
        let path = self.dir.path().join(&self.name);
        let found = found.ok_or_else(|| PyRuntimeError::new_err("the loader is closed"))?;
        match found.map_err(|error| raise(py, &refused(&path, "read", &error)))? {
            Behind::Nothing => Ok(("nothing", offset)),
            Behind::Commands(at) => Ok(("commands", at)),
            Behind::Undecided => Ok(("undecided", offset)),
            Behind::Snapshot => Ok(("snapshot", offset)),
        }
    }

    fn truncate(&self, py: Python<'_>) -> PyResult<String> {
        // A progress callback may have forked: the file is the original's.
        self.engine.check().map_err(|error| raise(py, &error))?;
        let ended = self.with(|loader| loader.ended())?;
        let Some(Ended::Torn { valid_to }) = ended else {
            return Err(PyRuntimeError::new_err("the file is not torn"));
        };
        let saved =
            py.detach(|| cut_tail(&*self.dir, &self.name, valid_to)).map_err(|error| raise(py, &error))?;
        Ok(self.dir.path().join(saved).display().to_string())
    }

    fn close(&self) {
        drop(self.lock().take());
    }
}
