//! The doorway `aofstore._core`: extract, call, convert, map the error; no decision is made here.
//!
//! Rule of the locks: the engine's lock is taken while attached to the interpreter only by a try; whatever may
//! wait (contention, a sync, a blocking command, replay) runs detached. No thread of ours ever attaches.

mod arguments;
mod batch;
mod check;
mod client;
mod direct;
mod directory;
mod engine;
mod error;
mod events;
mod export;
mod loader;
mod parts;
mod patience;
mod replies;
mod testing;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::batch::PyBatch;
    #[pymodule_export]
    use crate::check::{PyChecker, cut_tail, mend, publish, replace};
    #[pymodule_export]
    use crate::client::PyClient;
    #[pymodule_export]
    use crate::direct::PyDirect;
    #[pymodule_export]
    use crate::directory::PyDirectory;
    #[pymodule_export]
    use crate::engine::PyEngine;
    #[pymodule_export]
    use crate::export::PyExport;
    #[pymodule_export]
    use crate::loader::PyLoader;
    #[pymodule_export]
    use crate::parts::PyParts;
    #[pymodule_export]
    use crate::testing::_testing;

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        // Before anything can fork.
        aofstore_core::rewrite::install_panic_hook();
        pyo3::types::PyModuleMethods::add(module, "__version__", env!("CARGO_PKG_VERSION"))
    }
}
