//! Python arguments as borrowed bytes: no copy for bytes and UTF-8 str, a shared arena for the rest.

use aofstore_core::num;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
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
        Self {
            encoding: encoding.to_owned(),
            errors: errors.to_owned(),
            decode,
            plain: utf8 && errors == "strict",
        }
    }
}

/// Where the bytes of an argument stand that its object does not have as such.
pub(crate) type Room = SmallVec<[u8; 48]>;

impl Codec {
    /// The bytes of an argument: its own, or made in `room`, which must be empty.
    #[inline]
    pub(crate) fn bytes_of<'a>(&self, arg: &'a Bound<'_, PyAny>, room: &'a mut Room) -> PyResult<&'a [u8]> {
        if let Ok(bytes) = arg.cast_exact::<PyBytes>() {
            return Ok(bytes.as_bytes());
        }
        if self.plain
            && let Ok(text) = arg.cast_exact::<PyString>()
        {
            return Ok(text.to_str()?.as_bytes());
        }
        self.put(arg, room)?;
        Ok(room)
    }

    /// Adds the bytes of any argument to `room`.
    fn put(&self, arg: &Bound<'_, PyAny>, room: &mut Room) -> PyResult<()> {
        if let Ok(bytes) = arg.cast::<PyBytes>() {
            room.extend_from_slice(bytes.as_bytes());
        } else if let Ok(text) = arg.cast::<PyString>() {
            if self.plain {
                room.extend_from_slice(text.to_str()?.as_bytes());
            } else {
                let encoded = text.call_method1("encode", (&self.encoding, &self.errors))?;
                room.extend_from_slice(encoded.cast::<PyBytes>()?.as_bytes());
            }
        } else if arg.is_instance_of::<PyInt>() && !arg.is_instance_of::<PyBool>() {
            match arg.extract::<i64>() {
                Ok(value) => room.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
                Err(_) => room.extend_from_slice(digits(arg)?.to_str()?.as_bytes()),
            }
        } else if let Ok(value) = arg.cast_exact::<PyFloat>() {
            room.extend_from_slice(num::fmt_f64_repr(value.value(), &mut num::Buf::new()));
        } else if let Ok(value) = arg.cast::<PyFloat>() {
            room.extend_from_slice(value.repr()?.to_str()?.as_bytes());
        } else if let Ok(bytes) = arg.cast::<PyByteArray>() {
            room.extend_from_slice(&bytes.to_vec());
        } else if let Ok(buffer) = PyBuffer::<u8>::get(arg) {
            room.extend_from_slice(&buffer.to_vec(arg.py())?);
        } else {
            let kind = arg.get_type().name()?;
            return Err(DataError::new_err(format!(
                "Invalid input of type: '{kind}'. Convert to a bytes, string, int or float first."
            )));
        }
        Ok(())
    }
}

/// One argument: its object, which owns the bytes, or a piece of the arena.
enum Piece<'a, 'py> {
    Bytes(Borrowed<'a, 'py, PyBytes>),
    /// Known to be valid UTF-8: its text is cached in the object.
    Text(Borrowed<'a, 'py, PyString>),
    Owned(usize, usize),
}

/// A big integer in decimal. Beyond some thousand digits the interpreter refuses, since it would take it long.
fn digits<'py>(int: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    int.call_method0("__int__")?.str().map_err(|error| {
        if error.is_instance_of::<PyValueError>(int.py()) {
            DataError::new_err(
                "Invalid input: an integer with more digits than Python converts (see \
                 sys.set_int_max_str_digits). Convert it to a bytes or string first, for example with hex().",
            )
        } else {
            error
        }
    })
}

/// The arguments of one or more commands, gathered before they are borrowed together.
#[derive(Default)]
pub(crate) struct Arguments<'a, 'py> {
    pieces: SmallVec<[Piece<'a, 'py>; 8]>,
    arena: Room,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// Adds every item of `args`, which must outlive this.
    pub(crate) fn extend(&mut self, args: &'a Bound<'py, PyTuple>, codec: &Codec) -> PyResult<()> {
        self.pieces.reserve(args.len());
        for arg in args.iter_borrowed() {
            self.push(arg, codec)?;
        }
        Ok(())
    }

    fn push(&mut self, arg: Borrowed<'a, 'py, PyAny>, codec: &Codec) -> PyResult<()> {
        if let Ok(bytes) = arg.cast::<PyBytes>() {
            self.pieces.push(Piece::Bytes(bytes));
        } else if codec.plain
            && let Ok(text) = arg.cast::<PyString>()
        {
            text.to_str()?;
            self.pieces.push(Piece::Text(text));
        } else {
            let start = self.arena.len();
            codec.put(&arg, &mut self.arena)?;
            self.pieces.push(Piece::Owned(start, self.arena.len() - start));
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// All arguments as slices, in order.
    pub(crate) fn slices(&self) -> SmallVec<[&[u8]; 8]> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Bytes(bytes) => bytes.as_bytes(),
                Piece::Text(text) => text.to_str().map(str::as_bytes).unwrap_or_default(),
                Piece::Owned(start, len) => self.arena.get(*start..start + len).unwrap_or_default(),
            })
            .collect()
    }
}
