//! What the background has to say, on its way to `logging` at the next call; no thread of ours calls Python.

use aofstore_core::engine::Engine;
use aofstore_core::event::Level;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The number `logging` has for a level.
fn number(level: Level) -> i32 {
    match level {
        Level::Warning => 30,
        Level::Notice => 20,
        Level::Verbose => 10,
    }
}

/// Takes the records that are waiting.
pub(crate) fn drain(engine: &Engine) -> Vec<(i32, String)> {
    engine.events().drain().into_iter().map(|record| (number(record.level), record.text)).collect()
}

/// Hands waiting records to the logger "aofstore"; one load when there are none. To be called with no lock held.
#[inline]
pub(crate) fn emit(py: Python<'_>, engine: &Engine) {
    if !engine.events().is_empty()
        && let Err(error) = hand_over(py, engine)
    {
        error.write_unraisable(py, None);
    }
}

#[cold]
fn hand_over(py: Python<'_>, engine: &Engine) -> PyResult<()> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let logger = GET.import(py, "logging", "getLogger")?.call1(("aofstore",))?;
    for (level, text) in drain(engine) {
        logger.call_method1("log", (level, "%s", text))?;
    }
    Ok(())
}
