//! `_core._testing`: what tests may look at and break, and no user should.
//!
//! Everything here is process-wide and takes effect on what is opened afterwards.

use std::sync::{Arc, Mutex, PoisonError};

use aofstore_core::aof::Control;
use aofstore_core::fs::Dir;
use aofstore_core::fs::fault::{Call, Fault, FaultDir, Mode, Plan};
use aofstore_core::rewrite::{self, Step};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

static PLAN: Mutex<Option<Arc<Plan>>> = Mutex::new(None);
static CONTROL: Mutex<Control> = Mutex::new(Control::None);

/// The broken rule that logs opened now shall have.
pub(crate) fn control() -> Control {
    *CONTROL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the installed plan around a directory.
pub(crate) fn wrap(dir: Arc<dyn Dir>) -> Arc<dyn Dir> {
    match &*PLAN.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(plan) => FaultDir::new(dir, Arc::clone(plan)),
        None => dir,
    }
}

/// Which file-system calls fail, and a record of those that were made.
#[pyclass(frozen, module = "aofstore._core._testing", name = "FaultPlan")]
pub(crate) struct PyFaultPlan(Arc<Plan>);

#[pymethods]
impl PyFaultPlan {
    #[new]
    fn new() -> Self {
        Self(Plan::new())
    }

    /// Fails the `nth` call (from 1) of kind `call` (any kind when None) on a file called `name` (any when None).
    #[pyo3(signature = (call, errno, *, nth = 1, mode = "error", sticky = false, delay_ms = 0, short_len = 0, name = None))]
    #[expect(clippy::too_many_arguments, reason = "one keyword a field of the fault")]
    fn add(
        &self,
        call: Option<&str>,
        errno: i32,
        nth: u64,
        mode: &str,
        sticky: bool,
        delay_ms: u64,
        short_len: usize,
        name: Option<String>,
    ) -> PyResult<()> {
        let unknown = |what: &str| PyValueError::new_err(format!("unknown {what}"));
        let call = call.map(|call| Call::from_name(call).ok_or_else(|| unknown("call"))).transpose()?;
        let mode = Mode::from_name(mode).ok_or_else(|| unknown("mode"))?;
        self.0.add(Fault { call, name, nth, mode, errno, sticky, delay_ms, short_len });
        Ok(())
    }

    fn clear(&self) {
        self.0.clear();
    }

    /// Begins or ends the recording of calls.
    fn record(&self, on: bool) {
        self.0.record(on);
    }

    /// The recorded calls: kind, name, bytes, result or -errno, whether it was injected.
    fn made(&self) -> Vec<(&'static str, String, u64, i64, bool)> {
        let result =
            |made: &Result<u64, i32>| made.map_or_else(|errno| -i64::from(errno), |value| value as i64);
        let made = self.0.take_made().into_iter();
        made.map(|made| (made.call.name(), made.name, made.bytes, result(&made.result), made.injected))
            .collect()
    }

    #[pyo3(signature = (call = None))]
    fn count(&self, call: Option<&str>) -> PyResult<u64> {
        match call {
            None => Ok(self.0.total()),
            Some(call) => {
                let call = Call::from_name(call).ok_or_else(|| PyValueError::new_err("unknown call"))?;
                Ok(self.0.count(call))
            }
        }
    }

    fn injected(&self) -> u64 {
        self.0.injected()
    }
}

/// A step of a rewriting child by its name.
fn step(name: Option<&str>) -> PyResult<Option<Step>> {
    let unknown = || PyValueError::new_err("unknown step");
    name.map(|name| Step::from_name(name).ok_or_else(unknown)).transpose()
}

#[pymodule]
pub(crate) mod _testing {
    use super::{CONTROL, Control, PLAN, PoisonError, rewrite, step};
    use crate::engine::PyEngine;
    use crate::error::raise;
    use aofstore_core::clock;
    use aofstore_core::event::Level;
    use pyo3::exceptions::PyValueError;
    use pyo3::prelude::*;
    use pyo3::types::PyBytes;

    #[pymodule_export]
    use super::PyFaultPlan;

    /// Stops the wall clock at Unix milliseconds, or lets it run again with None.
    #[pyfunction]
    #[pyo3(signature = (ms, /))]
    fn set_clock(ms: Option<i64>) {
        clock::fix(ms);
    }

    /// What children forked from now on do, by the names of their steps: pause there, fail with `errno`,
    /// exit with `status`, kill themselves, panic; an order for "dumping" holds after so many keys. `refuse` is the
    /// errno of a fork that is refused. Without arguments they just work.
    #[pyfunction]
    #[pyo3(signature = (
        *, pause = None, fail = None, errno = 5, exit = None, status = 1, kill = None, panic = None, after_keys = 0,
        micros_per_key = 0, refuse = None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "one keyword a field of the plan")]
    fn child_plan(
        pause: Option<&str>,
        fail: Option<&str>,
        errno: i32,
        exit: Option<&str>,
        status: i32,
        kill: Option<&str>,
        panic: Option<&str>,
        after_keys: u64,
        micros_per_key: u32,
        refuse: Option<i32>,
    ) -> PyResult<()> {
        let plan = rewrite::Plan {
            pause: step(pause)?,
            fail: step(fail)?.map(|step| (step, errno)),
            exit: step(exit)?.map(|step| (step, status)),
            kill: step(kill)?,
            panic: step(panic)?,
            after_keys,
            micros_per_key,
            refuse,
        };
        rewrite::SharedPage::set_default((plan != rewrite::Plan::default()).then_some(plan));
        Ok(())
    }

    /// The last step that the newest child reached; None before the first, and when there is no child.
    #[pyfunction]
    fn child_reached() -> Option<&'static str> {
        Some(rewrite::SharedPage::latest()?.reached()?.name())
    }

    /// The newest child's pid, keys written, bytes written, bytes received; None when there is none.
    #[pyfunction]
    fn child_progress() -> Option<(i32, u64, u64, u64)> {
        let page = rewrite::SharedPage::latest()?;
        Some((page.pid(), page.keys_done(), page.bytes_written(), page.bytes_received()))
    }

    /// Lets the newest child go on that stands still, or will; the plan for later ones stays.
    #[pyfunction]
    fn child_resume() {
        if let Some(page) = rewrite::SharedPage::latest() {
            page.resume();
        }
    }

    /// Breaks one rule on purpose in logs opened from now on ("none" to mend).
    #[pyfunction]
    #[pyo3(signature = (name, /))]
    fn set_control(name: &str) -> PyResult<()> {
        let name = name.replace('-', "_");
        let control = Control::from_name(&name)
            .ok_or_else(|| PyValueError::new_err(format!("unknown control '{name}'")))?;
        *CONTROL.lock().unwrap_or_else(PoisonError::into_inner) = control;
        Ok(())
    }

    /// The keyspace of `engine` as a snapshot of `version`.
    #[pyfunction]
    #[pyo3(signature = (engine, version, /))]
    fn snapshot<'py>(
        py: Python<'py>,
        engine: &Bound<'py, PyEngine>,
        version: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let engine = &engine.get().inner;
        let bytes = py.detach(|| engine.snapshot(version)).map_err(|error| raise(py, &error))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Panics inside `engine`, as a defect of a command would.
    #[pyfunction]
    #[pyo3(signature = (engine, /))]
    fn panic_inside(py: Python<'_>, engine: &Bound<'_, PyEngine>) -> PyResult<()> {
        let engine = &engine.get().inner;
        py.detach(|| engine.panic_inside()).map_err(|error| raise(py, &error))
    }

    /// Lets the store say `text` at one of Redis's levels, as its background does.
    #[pyfunction]
    #[pyo3(signature = (engine, level, text, /))]
    fn say(engine: &Bound<'_, PyEngine>, level: &str, text: &str) -> PyResult<()> {
        let level = match level {
            "warning" => Level::Warning,
            "notice" => Level::Notice,
            "verbose" => Level::Verbose,
            _ => return Err(PyValueError::new_err(format!("unknown level '{level}'"))),
        };
        engine.get().inner.events().push(level, text.to_owned());
        Ok(())
    }

    /// As if `event` had just taken `ms` milliseconds.
    #[pyfunction]
    #[pyo3(signature = (engine, event, ms, /))]
    fn sample_latency(py: Python<'_>, engine: &Bound<'_, PyEngine>, event: &str, ms: u64) -> PyResult<()> {
        let engine = &engine.get().inner;
        let known = py.detach(|| engine.sample_latency(event, ms)).map_err(|error| raise(py, &error))?;
        if known { Ok(()) } else { Err(PyValueError::new_err(format!("unknown event '{event}'"))) }
    }

    /// Puts `plan` around every directory opened from now on; None for none.
    #[pyfunction]
    #[pyo3(signature = (plan, /))]
    fn install_fault_plan(plan: Option<&Bound<'_, super::PyFaultPlan>>) {
        *PLAN.lock().unwrap_or_else(PoisonError::into_inner) = plan.map(|plan| plan.get().0.clone());
    }
}
