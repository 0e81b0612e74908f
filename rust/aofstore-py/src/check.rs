//! `Checker`: the files of one log read to see whether they are sound; and the writing of what is left of them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aofstore_core::aof::manifest::{self, Entry, Manifest};
use aofstore_core::aof::names::Names;
use aofstore_core::check::{self, Hole, Limits, Rescue, Scratch, Survey, Walk};
use aofstore_core::engine::REDIS_VERSION;
use aofstore_core::error::{Error, LoadKind};
use aofstore_core::fs::Dir;
use aofstore_core::fs::os::{Access, OsDir};
use aofstore_core::load;
use aofstore_core::rdb::file::About;
use aofstore_core::rdb::value::Version;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::directory::{PyDirectory, refused};
use crate::engine::settings;
use crate::error::raise;
use crate::testing;

/// From, to, what stands there instead, commands lost.
type PyHole = (u64, u64, Py<PyBytes>, u64);
/// Kind, offset, command, what.
type PyFinding = (&'static str, u64, Option<u64>, String);

/// Text, files, guesses.
type PyRebuilt<'py> = (Bound<'py, PyBytes>, Vec<String>, Vec<String>);

/// Database, type, encoding, keys, elements, bytes.
type PyGroup = (usize, &'static str, &'static str, u64, u64, u64);
/// Bytes, database, key, type, encoding, elements, deadline.
type PyBig<'py> = (u64, usize, Bound<'py, PyBytes>, &'static str, &'static str, u64, Option<i64>);
type PySurvey<'py> = (Vec<PyGroup>, Vec<PyBig<'py>>, Vec<u64>, u64);

struct Work {
    scratch: Scratch,
    walk: Option<Walk>,
    /// Of the last snapshot that was damaged.
    rescued: Option<Rescue>,
}

#[pyclass(frozen, module = "aofstore._core", name = "Checker")]
pub(crate) struct PyChecker {
    dir: Arc<dyn Dir>,
    holder: Option<i32>,
    work: Mutex<Work>,
}

impl PyChecker {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, ask: impl FnOnce(&Walk) -> T) -> PyResult<T> {
        self.lock().walk.as_ref().map(ask).ok_or_else(|| PyRuntimeError::new_err("no file was begun"))
    }
}

#[pymethods]
impl PyChecker {
    #[new]
    #[pyo3(signature = (path, settings, replay, /))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        settings: HashMap<String, Bound<'_, PyAny>>,
        replay: bool,
    ) -> PyResult<Self> {
        let settings = self::settings(py, &settings)?;
        let limits = Limits {
            databases: settings.databases,
            keyspace: settings.limits,
            options: settings.load_options(),
            replay,
        };
        let opened = py.detach(|| OsDir::open(&path, Access::Unlocked)).map_err(|error| raise(py, &error))?;
        let holder = opened.holder();
        let work = Work { scratch: Scratch::new(limits), walk: None, rescued: None };
        Ok(Self { dir: testing::wrap(Arc::new(opened)), holder, work: Mutex::new(work) })
    }

    /// The process that has the directory locked, where the system tells.
    #[getter]
    fn holder(&self) -> Option<i32> {
        self.holder
    }

    /// The files that a manifest lists: those of the data in order, and history. None if there is no manifest.
    #[pyo3(signature = (name, /))]
    fn manifest(&self, py: Python<'_>, name: &str) -> PyResult<Option<(Vec<String>, Vec<String>)>> {
        let path = self.dir.path().join(name);
        let read = py.detach(|| manifest::read(&*self.dir, name));
        let Some(bytes) = read.map_err(|error| raise(py, &refused(&path, "read", &error)))? else {
            return Ok(None);
        };
        let found = Manifest::parse(&bytes, &path).map_err(|error| raise(py, &told(error)))?;
        let names = |entry: &Entry| entry.name.clone();
        Ok(Some((found.live().map(names).collect(), found.history.iter().map(names).collect())))
    }

    /// A manifest made anew for the log `stem`: its text, the files of the data, what was guessed. None without files.
    #[pyo3(signature = (stem, /))]
    fn rebuilt<'py>(&self, py: Python<'py>, stem: &str) -> PyResult<Option<PyRebuilt<'py>>> {
        let path = self.dir.path().join(Names::new(stem).manifest());
        let files = self.dir.names().map_err(|error| raise(py, &refused(&path, "rebuild", &error)))?;
        let failed = |what: &str| {
            let advice = "put the files that are missing back from a backup";
            raise(py, &Error::at(LoadKind::Manifest, &path, 0, what, advice))
        };
        let Some(rebuilt) = check::rebuild::rebuild(&files, stem).map_err(|why| failed(&why))? else {
            return Ok(None);
        };
        let text = rebuilt.manifest.render().map_err(|name| failed(&format!("{name} is too long a name")))?;
        let live = rebuilt.manifest.live().map(|entry| entry.name.clone()).collect();
        Ok(Some((PyBytes::new(py, &text), live, rebuilt.guesses)))
    }

    /// Which of the names are parts of the log `stem`.
    #[staticmethod]
    #[pyo3(signature = (stem, names, /))]
    fn parts(stem: &str, names: Vec<String>) -> Vec<String> {
        let known = Names::new(stem);
        names.into_iter().filter(|name| known.part(name).is_some()).collect()
    }

    #[pyo3(signature = (name, /, *, snapshot))]
    fn begin(&self, py: Python<'_>, name: &str, snapshot: bool) -> PyResult<()> {
        let mut work = self.lock();
        let walk = Walk::open(Arc::clone(&self.dir), name, &work.scratch, snapshot);
        work.walk = Some(walk.map_err(|error| raise(py, &error))?);
        Ok(())
    }

    #[pyo3(signature = (budget_ms, /))]
    fn step(&self, py: Python<'_>, budget_ms: u64) -> PyResult<bool> {
        let budget = Duration::from_millis(budget_ms);
        let stepped = py.detach(|| {
            let Work { scratch, walk, rescued } = &mut *self.lock();
            let walk = walk.as_mut()?;
            let stepped = walk.step(scratch, budget);
            *rescued = walk.rescue().or(*rescued);
            Some(stepped)
        });
        match stepped {
            Some(stepped) => stepped.map_err(|error| raise(py, &error)),
            None => Err(PyRuntimeError::new_err("no file was begun")),
        }
    }

    fn progress(&self) -> PyResult<(u64, u64)> {
        self.with(Walk::progress)
    }

    /// What the file holds, as far as it was read.
    fn form(&self) -> PyResult<&'static str> {
        self.with(Walk::form)
    }

    /// Whole commands, and the offset up to which the file is good.
    fn good(&self) -> PyResult<(u64, u64)> {
        self.with(Walk::good)
    }

    fn finding(&self) -> PyResult<Option<PyFinding>> {
        self.with(|walk| {
            walk.finding().map(|found| (found.kind.name(), found.offset, found.command, found.what.clone()))
        })
    }

    fn holes(&self, py: Python<'_>) -> PyResult<Option<Vec<PyHole>>> {
        let given =
            |hole: &Hole| (hole.from, hole.to, PyBytes::new(py, &hole.instead).unbind(), hole.commands);
        self.with(|walk| walk.holes().map(|holes| holes.iter().map(given).collect()))
    }

    /// What can be kept of a damaged snapshot: keys, and whether that is all of them.
    fn rescue(&self) -> PyResult<Option<(u64, bool)>> {
        self.with(|walk| walk.rescue().map(|rescue| (rescue.keys, rescue.end.is_some())))
    }

    /// Writes what can be kept of the snapshot that was read into a new file.
    #[pyo3(signature = (directory, name, temp, version, /))]
    fn write_rescue(
        &self,
        py: Python<'_>,
        directory: &Bound<'_, PyDirectory>,
        name: &str,
        temp: &str,
        version: u16,
    ) -> PyResult<()> {
        let dir = directory.get().dir(py)?;
        let written = py.detach(|| {
            let work = self.lock();
            let rescue = work.rescued?;
            let space = work.scratch.space();
            let about = About {
                version: if version == 11 { Version::V11 } else { Version::V10 },
                redis_version: REDIS_VERSION,
                created: rescue.created.unwrap_or(0),
                // Nobody asked this data how much it takes.
                used_memory: 0,
                aof_base: rescue.is_base,
            };
            Some(rescue.write(&*dir, name, space, about, temp))
        });
        match written {
            Some(written) => written.map_err(|error| raise(py, &error)),
            None => Err(PyRuntimeError::new_err("there is nothing to rescue")),
        }
    }

    /// How often each command came in the file.
    fn counts(&self) -> PyResult<HashMap<&'static str, u64>> {
        self.with(|walk| walk.counts().collect())
    }

    /// What the files that were read hold: groups of keys, the `most` biggest, how many end before each instant and
    /// later, and how many never.
    #[pyo3(signature = (most, instants, /))]
    fn survey<'py>(&self, py: Python<'py>, most: usize, instants: Vec<i64>) -> PySurvey<'py> {
        let found = py.detach(|| Survey::of(self.lock().scratch.space(), most, &instants));
        let groups = found.groups.into_iter();
        let groups = groups.map(|((db, kind, encoding), group)| {
            (db, kind, encoding, group.keys, group.elements, group.bytes)
        });
        let biggest = found.biggest.into_iter().map(|big| {
            (
                big.bytes,
                big.db,
                PyBytes::new(py, &big.key),
                big.kind,
                big.encoding,
                big.elements,
                big.deadline,
            )
        });
        (groups.collect(), biggest.collect(), found.expiring, found.lasting)
    }

    fn undated(&self) -> PyResult<Option<u64>> {
        self.with(Walk::undated)
    }

    fn is_tail(&self) -> PyResult<bool> {
        self.with(Walk::is_tail)
    }

    fn is_uncertain(&self) -> PyResult<bool> {
        self.with(Walk::is_uncertain)
    }

    fn gave_up_replay(&self) -> PyResult<bool> {
        self.with(Walk::gave_up_replay)
    }
}

/// The error of a manifest without where, which stands beside it in a report.
fn told(error: Error) -> Error {
    match error {
        Error::Load { kind, path, offset, what, .. } => {
            let message = format!("{what}. {}", manifest::ADVICE);
            Error::Load { kind, path, offset, what, message }
        }
        other => other,
    }
}

/// Cuts a file at an offset; the path of what was cut.
#[pyfunction]
#[pyo3(signature = (directory, name, valid_to, /))]
pub(crate) fn cut_tail(
    py: Python<'_>,
    directory: &Bound<'_, PyDirectory>,
    name: &str,
    valid_to: u64,
) -> PyResult<OsString> {
    let dir = directory.get().dir(py)?;
    let saved = py.detach(|| load::cut_tail(&*dir, name, valid_to)).map_err(|error| raise(py, &error))?;
    Ok(dir.path().join(saved).into_os_string())
}

/// Writes a copy without the holes.
#[pyfunction]
#[pyo3(signature = (directory, name, holes, temp, /))]
pub(crate) fn mend(
    py: Python<'_>,
    directory: &Bound<'_, PyDirectory>,
    name: &str,
    holes: Vec<(u64, u64, Vec<u8>, u64)>,
    temp: &str,
) -> PyResult<()> {
    let dir = directory.get().dir(py)?;
    let given = |(from, to, instead, commands)| Hole { from, to, instead, commands, whole: 0 };
    let holes: Vec<Hole> = holes.into_iter().map(given).collect();
    py.detach(|| check::mend::write(&*dir, name, &holes, temp)).map_err(|error| raise(py, &error))
}

/// Puts a file in the place of another, which is kept under a third name.
#[pyfunction]
#[pyo3(signature = (directory, name, temp, kept, /))]
pub(crate) fn replace(
    py: Python<'_>,
    directory: &Bound<'_, PyDirectory>,
    name: &str,
    temp: &str,
    kept: &str,
) -> PyResult<()> {
    let dir = directory.get().dir(py)?;
    py.detach(|| check::mend::replace(&*dir, name, temp, kept)).map_err(|error| raise(py, &error))
}

/// Makes a small file, or puts it in the place of another, which is kept.
#[pyfunction]
#[pyo3(signature = (directory, name, text, temp, kept, /))]
pub(crate) fn publish(
    py: Python<'_>,
    directory: &Bound<'_, PyDirectory>,
    name: &str,
    text: &[u8],
    temp: &str,
    kept: &str,
) -> PyResult<()> {
    let dir = directory.get().dir(py)?;
    py.detach(|| check::mend::publish(&*dir, name, text, temp, kept)).map_err(|error| raise(py, &error))
}
