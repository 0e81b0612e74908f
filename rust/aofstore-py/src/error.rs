//! Every failure as the exception class of `aofstore.errors` that fits it.

use aofstore_core::command::ErrorReply;
use aofstore_core::error::{Error, RewriteCause};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

mod classes {
    use pyo3::import_exception;

    import_exception!(aofstore.errors, AofstoreError);
    import_exception!(aofstore.errors, AofLoadError);
    import_exception!(aofstore.errors, AofLockedError);
    import_exception!(aofstore.errors, AofOpenError);
    import_exception!(aofstore.errors, AofWriteError);
    import_exception!(aofstore.errors, ConfigError);
    import_exception!(aofstore.errors, DataError);
    import_exception!(aofstore.errors, InternalError);
    import_exception!(aofstore.errors, PersistenceError);
    import_exception!(aofstore.errors, RewriteError);
    import_exception!(aofstore.errors, RewriteInProgressError);
    import_exception!(aofstore.errors, StoreClosedError);
    import_exception!(aofstore.errors, StoreForkedError);
    import_exception!(aofstore.errors, WatchError);
}

pub(crate) use self::classes::{AofstoreError, DataError, StoreClosedError, WatchError};

/// An exception instance with keyword attributes.
fn with<'py>(
    py: Python<'py>,
    class: Bound<'py, PyType>,
    message: &str,
    kwargs: &Bound<'py, PyDict>,
) -> PyErr {
    match class.call((message,), Some(kwargs)) {
        Ok(instance) => PyErr::from_value(instance),
        Err(error) => {
            error.set_cause(py, None);
            error
        }
    }
}

fn errno_or_none(errno: i32) -> Option<i32> {
    (errno != 0).then_some(errno)
}

/// The exception for a failure of the store.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    build(py, error).unwrap_or_else(|broken| broken)
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let kwargs = PyDict::new(py);
    let text = error.to_string();
    let class = match error {
        Error::Open { path, errno, .. } => {
            kwargs.set_item("path", path.as_os_str())?;
            kwargs.set_item("errno", errno_or_none(*errno))?;
            py.get_type::<classes::AofOpenError>()
        }
        Error::Locked { path, pid, .. } => {
            kwargs.set_item("path", path.as_os_str())?;
            kwargs.set_item("pid", *pid)?;
            py.get_type::<classes::AofLockedError>()
        }
        Error::Load { kind, path, offset, .. } => {
            kwargs.set_item("kind", kind.name())?;
            kwargs.set_item("path", path.as_os_str())?;
            kwargs.set_item("offset", *offset)?;
            py.get_type::<classes::AofLoadError>()
        }
        Error::Write { path, errno, pending_bytes, .. } => {
            kwargs.set_item("path", path.as_os_str())?;
            kwargs.set_item("errno", errno_or_none(*errno))?;
            kwargs.set_item("pending_bytes", *pending_bytes)?;
            py.get_type::<classes::AofWriteError>()
        }
        Error::Rewrite { path, cause, .. } => {
            let path = path.as_os_str();
            kwargs.set_item("path", (!path.is_empty()).then_some(path))?;
            match *cause {
                RewriteCause::Errno(errno) => kwargs.set_item("errno", errno)?,
                RewriteCause::Signal(signal) => kwargs.set_item("signal", signal)?,
                RewriteCause::Exit(code) => kwargs.set_item("exit_code", code)?,
                RewriteCause::Other => {}
            }
            py.get_type::<classes::RewriteError>()
        }
        Error::Save { path, .. } => {
            let path = path.as_os_str();
            kwargs.set_item("path", (!path.is_empty()).then_some(path))?;
            py.get_type::<classes::PersistenceError>()
        }
        Error::RewriteInProgress => py.get_type::<classes::RewriteInProgressError>(),
        Error::Config(_) => return Ok(classes::ConfigError::new_err(text)),
        Error::Closed => return Ok(StoreClosedError::new_err(text)),
        Error::Forked { .. } => return Ok(classes::StoreForkedError::new_err(text)),
        Error::Internal(_) => return Ok(classes::InternalError::new_err(text)),
    };
    Ok(with(py, class, &text, &kwargs))
}

/// The exception instance for an error reply: its class by the reply's code.
pub(crate) fn reply_error<'py>(py: Python<'py>, text: &str, errno: i32) -> PyResult<Bound<'py, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = MAKE.import(py, "aofstore.errors", "error_from_reply")?;
    let instance = make.call1((text,))?;
    // Unknown while another thread has the engine: then the text is asked.
    if errno != 0 && text.starts_with("MISCONF") {
        instance.setattr("errno", errno_or_none(errno))?;
    }
    Ok(instance)
}

/// The same, raised.
pub(crate) fn raise_reply(py: Python<'_>, error: &ErrorReply, errno: i32) -> PyErr {
    reply_error(py, error.text(), errno).map_or_else(|broken| broken, PyErr::from_value)
}
