//! `Directory`: the data directory, locked for one store.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aofstore_core::error::{Error, shown};
use aofstore_core::fs::os::{Access, OsDir};
use aofstore_core::fs::{self, Dir, errno, reason};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::raise;
use crate::testing;

#[pyclass(frozen, weakref, module = "aofstore._core", name = "Directory")]
pub(crate) struct PyDirectory {
    path: PathBuf,
    dir: Mutex<Option<Arc<dyn Dir>>>,
    owner: u32,
}

impl PyDirectory {
    /// One inside another, which has the lock.
    pub(crate) fn within(dir: Arc<dyn Dir>) -> Self {
        let path = dir.path().to_owned();
        Self { path, dir: Mutex::new(Some(dir)), owner: std::process::id() }
    }

    pub(crate) fn dir(&self, py: Python<'_>) -> PyResult<Arc<dyn Dir>> {
        let dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner).clone();
        dir.ok_or_else(|| raise(py, &Error::Closed))
    }
}

/// The error for an operation on `path` that the system refused.
pub(crate) fn refused(path: &Path, what: &str, error: &io::Error) -> Error {
    let message = format!("cannot {what} {}: {}", shown(path), reason(error));
    Error::Open { path: path.to_owned(), errno: errno(error), message }
}

#[pymethods]
impl PyDirectory {
    #[new]
    #[pyo3(signature = (path, /, *, shared = false))]
    fn new(py: Python<'_>, path: PathBuf, shared: bool) -> PyResult<Self> {
        let access = if shared { Access::Shared } else { Access::Exclusive };
        let opened = py.detach(|| OsDir::open(&path, access)).map_err(|error| raise(py, &error))?;
        let dir = testing::wrap(Arc::new(opened));
        Ok(Self { path, dir: Mutex::new(Some(dir)), owner: std::process::id() })
    }

    #[getter]
    fn path(&self) -> &OsStr {
        self.path.as_os_str()
    }

    fn names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let dir = self.dir(py)?;
        dir.names().map_err(|error| raise(py, &refused(&self.path, "list", &error)))
    }

    #[pyo3(signature = (name, /))]
    fn size(&self, py: Python<'_>, name: &str) -> PyResult<Option<u64>> {
        let dir = self.dir(py)?;
        let size = match dir.size(name) {
            // What is no file is often as long, and an empty one nobody opens before something is done to it.
            Ok(Some(0)) => dir.open_read(name).and_then(|file| file.size()).map(Some),
            size => size,
        };
        size.map_err(|error| raise(py, &refused(&self.path.join(name), "look at", &error)))
    }

    #[pyo3(signature = (name, length, /))]
    fn head<'py>(&self, py: Python<'py>, name: &str, length: usize) -> PyResult<Bound<'py, PyBytes>> {
        let dir = self.dir(py)?;
        let bytes = fs::head(&*dir, name, length.min(1 << 16))
            .map_err(|error| raise(py, &refused(&self.path.join(name), "read", &error)))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Unlocks and closes; in a forked copy it only closes, since an unlock there would unlock the original.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner).take();
        match dir {
            Some(dir) if std::process::id() == self.owner => {
                dir.unlock().map_err(|error| raise(py, &refused(&self.path, "unlock", &error)))
            }
            _ => Ok(()),
        }
    }

    /// To be called in a forked copy: the lock is the original's alone from now on.
    fn disown(&self, py: Python<'_>) -> PyResult<()> {
        if std::process::id() == self.owner {
            return Ok(());
        }
        // Not waiting: a thread that had this may not exist here.
        let dir = self.dir.try_lock().ok().and_then(|mut dir| dir.take());
        dir.map_or(Ok(()), |dir| dir.disown())
            .map_err(|error| raise(py, &refused(&self.path, "let go of", &error)))
    }
}

impl Drop for PyDirectory {
    fn drop(&mut self) {
        // Explicitly: a child that another thread is just starting may still have the descriptor.
        let dir = self.dir.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(dir) = dir
            && std::process::id() == self.owner
        {
            let _ = dir.unlock();
        }
    }
}
