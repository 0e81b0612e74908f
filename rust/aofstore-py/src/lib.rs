//! The doorway `aofstore._core`: extract, call, convert, map the error; no decision is made here.

use pyo3::prelude::*;

#[pymodule]
mod _core {}
