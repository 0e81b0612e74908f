//! Python arguments as borrowed bytes: no copy for bytes and UTF-8 str, a shared arena for the rest.

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyString, PyTuple};
use smallvec::SmallVec;

use crate::error::DataError;

/// How str is encoded and replies are decoded.
#[derive(Debug, Clone)]
pub(crate) struct Codec {
    pub encoding: String,
    pub errors: String,
    pub decode: bool,
    /// UTF-8, strict: the case without a call into Python.
    pub plain: bool,
}

impl Codec {
    pub(crate) fn new(encoding: &str, errors: &str, decode: bool) -> Self {
        let utf8 = ["utf-8", "utf8"].iter().any(|name| encoding.eq_ignore_ascii_case(name));
        Self { encoding: encoding.to_owned(), errors: errors.to_owned(), decode, plain: utf8 && errors == "strict" }
    }
}

/// One argument: borrowed from its object, or a piece of the arena.
enum Piece<'a> {
    Borrowed(&'a [u8]),
    Owned(usize, usize),
}

/// The arguments of one or more commands, gathered before they are borrowed together.
#[derive(Default)]
pub(crate) struct Arguments<'a> {
    pieces: SmallVec<[Piece<'a>; 8]>,
    arena: Vec<u8>,
}

impl<'a> Arguments<'a> {
    /// Adds every item of `args`. The objects must outlive `'a`, which the caller's tuple sees to.
    pub(crate) fn extend<'py>(&mut self, args: &'a Bound<'py, PyTuple>, codec: &Codec) -> PyResult<()> {
        self.pieces.reserve(args.len());
        for arg in args.iter_borrowed() {
            self.push(arg, codec)?;
        }
        Ok(())
    }

    fn push<'py>(&mut self, arg: Borrowed<'a, 'py, PyAny>, codec: &Codec) -> PyResult<()> {
        if let Ok(bytes) = arg.cast::<PyBytes>() {
            self.pieces.push(Piece::Borrowed(bytes.as_bytes()));
        } else if let Ok(text) = arg.cast::<PyString>() {
            if codec.plain {
                self.pieces.push(Piece::Borrowed(text.to_str()?.as_bytes()));
            } else {
                let encoded = text.call_method1("encode", (&codec.encoding, &codec.errors))?;
                self.own(encoded.cast::<PyBytes>()?.as_bytes());
            }
        } else if arg.is_exact_instance_of::<PyInt>() || (arg.is_instance_of::<PyInt>() && !arg.is_instance_of::<PyBool>()) {
            match arg.extract::<i64>() {
                Ok(value) => self.own(itoa::Buffer::new().format(value).as_bytes()),
                Err(_) => self.own(arg.call_method0("__int__")?.str()?.to_str()?.as_bytes()),
            }
        } else if let Ok(value) = arg.cast::<PyFloat>() {
            self.own(value.repr()?.to_str()?.as_bytes());
        } else if let Ok(bytes) = arg.cast::<PyByteArray>() {
            self.own(&bytes.to_vec());
        } else if let Ok(buffer) = PyBuffer::<u8>::get(&arg) {
            self.own(&buffer.to_vec(arg.py())?);
        } else {
            let kind = arg.get_type().name()?;
            return Err(DataError::new_err(format!(
                "Invalid input of type: '{kind}'. Convert to a bytes, string, int or float first."
            )));
        }
        Ok(())
    }

    fn own(&mut self, bytes: &[u8]) {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.pieces.push(Piece::Owned(start, bytes.len()));
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// All arguments as slices, in order.
    pub(crate) fn slices(&self) -> SmallVec<[&[u8]; 8]> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Borrowed(bytes) => bytes,
                Piece::Owned(start, len) => self.arena.get(*start..start + len).unwrap_or_default(),
            })
            .collect()
    }
}

