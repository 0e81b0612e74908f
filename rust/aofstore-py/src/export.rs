//! `Export`: the data of a store into new files, by one thread, while another looks how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aofstore_core::aof::names::{self, Names};
use aofstore_core::engine::{Base, Engine, write_manifest};
use aofstore_core::rdb::value::Version;
use aofstore_core::rewrite::Head;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::directory::PyDirectory;
use crate::error::raise;

#[pyclass(frozen, module = "aofstore._core", name = "Export")]
pub(crate) struct PyExport {
    engine: Arc<Engine>,
    keys_done: AtomicU64,
    keys_total: AtomicU64,
    bytes: AtomicU64,
    stopped: AtomicBool,
}

impl PyExport {
    pub(crate) fn new(engine: &Arc<Engine>) -> Self {
        Self {
            engine: Arc::clone(engine),
            keys_done: AtomicU64::new(0),
            keys_total: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    fn write(&self, py: Python<'_>, directory: &PyDirectory, name: &str, base: Base) -> PyResult<()> {
        let dir = directory.dir(py)?;
        let watch = |keys, all, bytes| {
            self.note(keys, all, bytes);
            !self.stopped.load(Ordering::Relaxed)
        };
        let written = py.detach(|| self.engine.export(&*dir, name, base, watch));
        let written = written.map_err(|error| raise(py, &error))?;
        self.note(written.keys, written.keys, written.bytes);
        Ok(())
    }

    fn note(&self, keys: u64, all: u64, bytes: u64) {
        self.keys_done.store(keys, Ordering::Relaxed);
        self.keys_total.store(all, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

/// How a base of that name is written, and what its file's name says of it.
fn form(base: &str, second: Option<i64>, says_base: bool) -> PyResult<(Base, names::Form)> {
    let version = match base {
        "resp" => return Ok((Base::Resp(Head { second, says_base }), names::Form::Resp)),
        "rdb10" => Version::V10,
        "rdb11" => Version::V11,
        _ => return Err(PyValueError::new_err(format!("no base is called {base}"))),
    };
    Ok((Base::Rdb { version, second }, names::Form::Rdb))
}

#[pymethods]
impl PyExport {
    /// One file `name`, with the time `second` at its head.
    #[pyo3(signature = (directory, name, base, second, /))]
    fn single(
        &self,
        py: Python<'_>,
        directory: &PyDirectory,
        name: &str,
        base: &str,
        second: Option<i64>,
    ) -> PyResult<()> {
        let (base, _) = form(base, second, true)?;
        self.write(py, directory, name, base)
    }

    /// A base, an increment and their manifest, in the directory that is only theirs.
    #[pyo3(signature = (directory, name, base, second, /))]
    fn parts(
        &self,
        py: Python<'_>,
        directory: &PyDirectory,
        name: &str,
        base: &str,
        second: Option<i64>,
    ) -> PyResult<()> {
        let (base, said) = form(base, second, false)?;
        let names = Names::new(name);
        let file = names.base(1, said);
        self.write(py, directory, &file, base)?;
        let dir = directory.dir(py)?;
        py.detach(|| write_manifest(&*dir, &names, &file)).map_err(|error| raise(py, &error))
    }

    /// Keys done, all keys, bytes.
    fn progress(&self) -> (u64, u64, u64) {
        let read = |value: &AtomicU64| value.load(Ordering::Relaxed);
        (read(&self.keys_done), read(&self.keys_total), read(&self.bytes))
    }

    /// Makes the call that runs in another thread fail soon.
    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}
