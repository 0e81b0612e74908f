//! `Engine`: a keyspace with its live settings, from open to close.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aofstore_core::engine::{Begun, Engine, RewriteHandle, Settings, Summary, Waited};
use aofstore_core::error::Error;
use pyo3::exceptions::{PyOverflowError, PyTimeoutError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

use crate::arguments::Codec;
use crate::client::{NAP, PyClient};
use crate::directory::PyDirectory;
use crate::error::{raise, raise_reply};
use crate::events;
use crate::export::PyExport;
use crate::loader::PyLoader;
use crate::parts::PyParts;
use crate::patience::unless_interrupted;
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

/// The number of a database. One that no database can have, -1 or 2**64, is as far out of range as the last: the
/// engine says so.
fn database(index: &Bound<'_, PyAny>) -> PyResult<usize> {
    index.extract().or_else(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(index.py()) { Ok(usize::MAX) } else { Err(error) }
    })
}

/// Live settings out of Python's.
pub(crate) fn settings(py: Python<'_>, given: &HashMap<String, Bound<'_, PyAny>>) -> PyResult<Settings> {
    let texts = given
        .iter()
        .map(|(name, value)| Ok((name.as_str(), setting_text(value)?)))
        .collect::<PyResult<Vec<_>>>()?;
    Settings::of(texts.iter().map(|(name, text)| (*name, text.as_str())))
        .map_err(|why| raise(py, &Error::Config(why)))
}

#[pymethods]
impl PyEngine {
    #[new]
    #[pyo3(signature = (settings, /))]
    fn new(py: Python<'_>, settings: HashMap<String, Bound<'_, PyAny>>) -> PyResult<Self> {
        let settings = self::settings(py, &settings)?;
        Ok(Self { inner: Arc::new(Engine::new(settings)), last_error: Mutex::new(None) })
    }

    #[pyo3(signature = (db = 0, *, encoding = "utf-8", errors = "strict", decode = false, session = false))]
    fn client(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = database)] db: usize,
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

    #[pyo3(signature = (directory, name, /, *, until = None, base = false, snapshot = false, expire = false))]
    #[expect(clippy::too_many_arguments, reason = "as many as Python names")]
    fn loader(
        &self,
        py: Python<'_>,
        directory: &PyDirectory,
        name: &str,
        until: Option<i64>,
        base: bool,
        snapshot: bool,
        expire: bool,
    ) -> PyResult<PyLoader> {
        PyLoader::open(py, &self.inner, directory, name, until, base, snapshot, expire)
    }

    /// Ends the load; without a directory the store stays in memory.
    #[pyo3(signature = (directory, name, /))]
    fn start_log(&self, py: Python<'_>, directory: &PyDirectory, name: &str) -> PyResult<()> {
        let dir = directory.dir(py)?;
        let control = testing::control();
        py.detach(|| self.inner.start_log(dir, name, control)).map_err(|error| raise(py, &error))
    }

    /// Starts the background of a store without a log; with a directory, one can be switched on there.
    #[pyo3(signature = (directory = None, name = "", /))]
    fn start(&self, py: Python<'_>, directory: Option<&PyDirectory>, name: &str) -> PyResult<()> {
        let place = directory.map(|directory| Ok::<_, PyErr>((directory.dir(py)?, name))).transpose()?;
        let control = testing::control();
        py.detach(|| self.inner.start(place, control)).map_err(|error| raise(py, &error))
    }

    /// Ends the load of a store that is only read.
    fn start_view(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.inner.start_view()).map_err(|error| raise(py, &error))
    }

    fn export(&self) -> PyExport {
        PyExport::new(&self.inner)
    }

    /// The files of a multi-part log in a directory of `directory`.
    #[pyo3(signature = (directory, folder, name, /))]
    fn parts(&self, py: Python<'_>, directory: &PyDirectory, folder: &str, name: &str) -> PyResult<PyParts> {
        PyParts::open(py, &self.inner, directory, folder, name)
    }

    /// Ends the load of what `parts` read last, and goes on there; without `log` only where one could be.
    #[pyo3(signature = (parts, /, log = true))]
    fn start_parts(&self, py: Python<'_>, parts: &PyParts, log: bool) -> PyResult<()> {
        let (parts, manifest) = parts.inner(py)?;
        let start = || {
            if log { self.inner.start_parts(parts, manifest) } else { self.inner.start_beside(parts) }
        };
        py.detach(start).map_err(|error| raise(py, &error))
    }

    /// "started" once the child lives, or "scheduled".
    fn begin_rewrite(&self, py: Python<'_>) -> PyResult<&'static str> {
        let begun = py.detach(|| self.inner.begin_rewrite());
        events::emit(py, &self.inner);
        match begun.map_err(|error| raise(py, &error))? {
            Begun::Started(_) => Ok("started"),
            Begun::Scheduled => Ok("scheduled"),
        }
    }

    /// A rewrite from its begin to its end; without `background` in this thread.
    #[pyo3(signature = (background = true, timeout = None, /))]
    fn rewrite(&self, py: Python<'_>, background: bool, timeout: Option<f64>) -> PyResult<Report> {
        let done = if background {
            py.detach(|| self.inner.begin_rewrite()).map_err(|error| raise(py, &error)).and_then(|begun| {
                let handle = match begun {
                    Begun::Started(handle) => Some(handle),
                    Begun::Scheduled => None,
                };
                let lost = || raise(py, &Error::Internal("the rewrite was lost".to_owned()));
                self.await_rewrite(py, handle, timeout)?.ok_or_else(lost)
            })
        } else {
            self.await_save(py, timeout).and_then(|()| self.rewrite_here(py))
        };
        events::emit(py, &self.inner);
        done
    }

    /// The outcome of the rewrite that runs or is scheduled, else the last one that nobody was given.
    #[pyo3(signature = (timeout = None, /))]
    fn wait_rewrite(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Report>> {
        let done = self.await_rewrite(py, None, timeout);
        events::emit(py, &self.inner);
        done
    }

    /// Keys done, keys there are, bytes written, seconds.
    fn rewrite_progress(&self, py: Python<'_>) -> PyResult<Option<(u64, u64, u64, f64)>> {
        let progress = py.detach(|| self.inner.rewrite_progress()).map_err(|error| raise(py, &error))?;
        Ok(progress.map(|at| (at.keys_done, at.keys_total, at.bytes_written, at.seconds)))
    }

    /// Every setting as it is now, as Redis's text; of a closed store, as it was last.
    fn settings(&self, py: Python<'_>) -> PyResult<HashMap<&'static str, String>> {
        self.inner.check_owner().map_err(|error| raise(py, &error))?;
        Ok(py.detach(|| self.inner.live_settings()).into_iter().collect())
    }

    #[pyo3(signature = (sync, /))]
    fn flush(&self, py: Python<'_>, sync: bool) -> PyResult<()> {
        let begun = py.detach(|| self.inner.begin_flush(sync)).map_err(|error| self.remember(py, error))?;
        let Some(mut flush) = begun else { return Ok(()) };
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
        let remembered = self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let remembered = remembered.filter(|_| self.inner.is_closed());
        let error = remembered.or_else(|| py.detach(|| self.inner.persistence_error()));
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

/// Seconds, bytes before and after, keys, microseconds of the fork, bytes copied on write, bytes of the difference.
type Report = (f64, u64, u64, u64, u64, u64, u64);

fn report(done: Summary) -> Report {
    (
        done.seconds,
        done.bytes_before,
        done.bytes_after,
        done.keys,
        done.fork_micros,
        done.cow_bytes,
        done.difference_bytes,
    )
}

fn limit(timeout: Option<f64>) -> Option<Duration> {
    timeout.map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

impl PyEngine {
    fn await_rewrite(
        &self,
        py: Python<'_>,
        mut handle: Option<RewriteHandle>,
        timeout: Option<f64>,
    ) -> PyResult<Option<Report>> {
        let limit = limit(timeout);
        let began = Instant::now();
        loop {
            let left = limit.map_or(NAP, |limit| limit.saturating_sub(began.elapsed()));
            let waited = py.detach(|| self.inner.wait_rewrite(&mut handle, NAP.min(left)));
            match waited.map_err(|error| raise(py, &error))? {
                Waited::Over(outcome) => {
                    return outcome.map(report).map(Some).map_err(|error| raise(py, &error));
                }
                Waited::Nothing => return Ok(None),
                Waited::NotYet => py.check_signals()?,
            }
            if limit.is_some_and(|limit| began.elapsed() >= limit) {
                return Err(PyTimeoutError::new_err("the rewrite has not ended yet; it goes on"));
            }
        }
    }

    /// Without a child.
    fn rewrite_here(&self, py: Python<'_>) -> PyResult<Report> {
        let done = unless_interrupted(py, &self.inner, Engine::rewrite_unless)?;
        done.map(report).map_err(|error| raise(py, &error))
    }

    /// Until no snapshot is being saved.
    fn await_save(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        let limit = limit(timeout);
        let began = Instant::now();
        while !py.detach(|| self.inner.wait_save(NAP)).map_err(|error| raise(py, &error))? {
            py.check_signals()?;
            if limit.is_some_and(|limit| began.elapsed() >= limit) {
                return Err(PyTimeoutError::new_err("a snapshot is still being saved; no rewrite has begun"));
            }
        }
        Ok(())
    }

    fn remember(&self, py: Python<'_>, error: Error) -> PyErr {
        let raised = raise(py, &error);
        if matches!(error, Error::Write { .. } | Error::Save { .. }) {
            *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        raised
    }
}
