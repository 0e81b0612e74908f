//! `Parts`: the files of a multi-part log, looked at and made ready in the steps that Python decides on.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use aofstore_core::aof::manifest::Manifest;
use aofstore_core::aof::parts::{Failed, Parts};
use aofstore_core::engine::Engine;
use aofstore_core::error::Error;
use pyo3::prelude::*;

use crate::directory::PyDirectory;
use crate::error::raise;
use crate::testing;

#[pyclass(frozen, module = "aofstore._core", name = "Parts")]
pub(crate) struct PyParts {
    /// Of the manifest.
    path: PathBuf,
    /// Until it is closed: a traceback may keep this object much longer than its directories should be open.
    parts: Mutex<Option<Arc<Parts>>>,
    /// As it was read last.
    manifest: Mutex<Manifest>,
}

impl PyParts {
    pub(crate) fn open(
        py: Python<'_>,
        engine: &Engine,
        directory: &PyDirectory,
        folder: &str,
        name: &str,
    ) -> PyResult<Self> {
        let home = directory.dir(py)?;
        let path = home.path().join(folder);
        let events = Arc::clone(engine.events());
        let parts = Parts::new(home, folder, name, testing::control(), events)
            .map_err(|failed| raise(py, &failed.open(&path)))?;
        Ok(Self { path: parts.path(), parts: Mutex::new(Some(parts)), manifest: Mutex::default() })
    }

    pub(crate) fn inner(&self, py: Python<'_>) -> PyResult<(Arc<Parts>, Manifest)> {
        Ok((self.parts(py)?, self.manifest.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }

    fn parts(&self, py: Python<'_>) -> PyResult<Arc<Parts>> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        parts.ok_or_else(|| raise(py, &Error::Closed))
    }

    fn failed<'a>(&'a self, py: Python<'a>) -> impl Fn(Failed) -> PyErr + 'a {
        move |failed| raise(py, &failed.open(&self.path))
    }
}

#[pymethods]
impl PyParts {
    /// Of the manifest, whether or not there is one.
    #[getter]
    fn path(&self) -> &OsStr {
        self.path.as_os_str()
    }

    /// The one among the names that `read` gave which is the base.
    #[getter]
    fn base(&self) -> Option<String> {
        let manifest = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        manifest.base.as_ref().map(|base| base.name.clone())
    }

    #[getter]
    fn directory(&self, py: Python<'_>) -> PyResult<Option<PyDirectory>> {
        Ok(self.parts(py)?.dir().map(|dir| PyDirectory::within(Arc::clone(dir))))
    }

    fn read(&self, py: Python<'_>) -> PyResult<Option<Vec<String>>> {
        let parts = self.parts(py)?;
        let found = py.detach(|| parts.read()).map_err(|error| raise(py, &error))?;
        let Some(found) = found else { return Ok(None) };
        let live = found.live().map(|entry| entry.name.clone()).collect();
        *self.manifest.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(Some(live))
    }

    fn unlisted(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let (parts, manifest) = self.inner(py)?;
        py.detach(|| parts.unlisted(&manifest)).map_err(self.failed(py))
    }

    fn forsake(&self, py: Python<'_>) -> PyResult<()> {
        let parts = self.parts(py)?;
        py.detach(|| parts.forsake());
        Ok(())
    }

    fn take_over(&self, py: Python<'_>) -> PyResult<()> {
        let parts = self.parts(py)?;
        py.detach(|| parts.take_over()).map_err(self.failed(py))
    }

    fn close(&self) {
        drop(self.parts.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
