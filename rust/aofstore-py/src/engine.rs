//! `Engine`: a keyspace with its live settings, from open to close.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aofstore_core::engine::{Engine, Settings};
use aofstore_core::error::Error;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

use crate::arguments::Codec;
use crate::client::{NAP, PyClient};
use crate::directory::PyDirectory;
use crate::error::{raise, raise_reply};
use crate::events;
use crate::loader::PyLoader;
use crate::testing;

#[pyclass(frozen, module = "aofstore._core", name = "Engine")]
pub(crate) struct PyEngine {
    pub(crate) inner: Arc<Engine>,
    last_error: Mutex<Option<Error>>,
}

/// A setting's value as redis.conf would spell it.
fn setting_text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(if flag.is_true() { "yes" } else { "no" }.to_owned());
    }
    Ok(value.str()?.to_str()?.to_owned())
}

#[pymethods]
impl PyEngine {
    #[new]
    #[pyo3(signature = (settings, /))]
    fn new(py: Python<'_>, settings: HashMap<String, Bound<'_, PyAny>>) -> PyResult<Self> {
        let texts = settings
            .iter()
            .map(|(name, value)| Ok((name.as_str(), setting_text(value)?)))
            .collect::<PyResult<Vec<_>>>()?;
        let settings = Settings::of(texts.iter().map(|(name, text)| (*name, text.as_str())))
            .map_err(|why| raise(py, &Error::Config(why)))?;
        Ok(Self { inner: Arc::new(Engine::new(settings)), last_error: Mutex::new(None) })
    }

    #[pyo3(signature = (db = 0, *, encoding = "utf-8", errors = "strict", decode = false, session = false))]
    fn client(
        &self,
        py: Python<'_>,
        db: usize,
        encoding: &str,
        errors: &str,
        decode: bool,
        session: bool,
    ) -> PyResult<PyClient> {
        let checked = py.detach(|| self.inner.check_database(db)).map_err(|error| raise(py, &error))?;
        checked.map_err(|error| raise_reply(py, &error, 0))?;
        let codec = Codec::new(encoding, errors, decode);
        Ok(PyClient::new(Arc::clone(&self.inner), db, codec, session))
    }

    #[pyo3(signature = (directory, name, /))]
    fn loader(&self, py: Python<'_>, directory: &PyDirectory, name: &str) -> PyResult<PyLoader> {
        PyLoader::open(py, &self.inner, directory, name)
    }

    /// Ends the load; without a directory the store stays in memory.
    #[pyo3(signature = (directory, name, /))]
    fn start_log(&self, py: Python<'_>, directory: &PyDirectory, name: &str) -> PyResult<()> {
        let dir = directory.dir(py)?;
        let control = testing::control();
        py.detach(|| self.inner.start_log(dir, name, control)).map_err(|error| raise(py, &error))
    }

    /// Starts the background of a store without a log.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.inner.end_load()).map_err(|error| raise(py, &error))
    }

    /// Every setting as it is now, as Redis's text; of a closed store, as it was last.
    fn settings(&self, py: Python<'_>) -> PyResult<HashMap<&'static str, String>> {
        self.inner.check_owner().map_err(|error| raise(py, &error))?;
        Ok(py.detach(|| self.inner.live_settings()).into_iter().collect())
    }

    #[pyo3(signature = (sync, /))]
    fn flush(&self, py: Python<'_>, sync: bool) -> PyResult<()> {
        let begun = py.detach(|| self.inner.begin_flush(sync)).map_err(|error| self.remember(py, error))?;
        let Some(flush) = begun else { return Ok(()) };
        while !py.detach(|| flush.step(NAP)).map_err(|error| self.remember(py, error))? {
            py.check_signals()?;
        }
        Ok(())
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.inner.close()).map_err(|error| self.remember(py, error))
    }

    /// In a forked copy nothing: what happened is the original's to tell.
    fn drain_events(&self) -> Vec<(i32, String)> {
        events::drain(&self.inner)
    }

    fn last_persistence_error<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.inner.check_owner().map_err(|error| raise(py, &error))?;
        // An open store knows whether its failure is over; of a closed one the last is all there is.
        let error = py.detach(|| self.inner.persistence_error()).or_else(|| {
            let remembered = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.clone().filter(|_| self.inner.is_closed())
        });
        Ok(error.map(|error| raise(py, &error).into_value(py).into_bound(py).into_any()))
    }

    #[getter]
    fn closed(&self) -> bool {
        self.inner.is_closed()
    }

    #[expect(clippy::unused_self, reason = "a Python method")]
    fn __reduce__(&self) -> PyResult<Py<PyString>> {
        Err(PyTypeError::new_err("a store cannot be pickled: open it again in the other process"))
    }
}

impl PyEngine {
    fn remember(&self, py: Python<'_>, error: Error) -> PyErr {
        let raised = raise(py, &error);
        if matches!(error, Error::Write { .. }) {
            *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        raised
    }
}
