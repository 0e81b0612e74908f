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
        encode(arg.as_borrowed(), self, room)?;
        Ok(room)
    }
}

/// Takes arguments one by one.
pub(crate) trait Sink<'a, 'py> {
    fn bytes(&mut self, bytes: Borrowed<'a, 'py, PyBytes>) -> PyResult<()>;

    /// Known to be valid UTF-8: it is cached in the object.
    fn text(&mut self, text: Borrowed<'a, 'py, PyString>) -> PyResult<()>;

    /// What some other object is as an argument.
    fn copy(&mut self, bytes: &[u8]) -> PyResult<()>;
}

/// Hands one argument to `sink`. `DataError` for what no command could take.
pub(crate) fn encode<'a, 'py>(
    arg: Borrowed<'a, 'py, PyAny>,
    codec: &Codec,
    sink: &mut impl Sink<'a, 'py>,
) -> PyResult<()> {
    if let Ok(bytes) = arg.cast::<PyBytes>() {
        sink.bytes(bytes)
    } else if let Ok(text) = arg.cast::<PyString>() {
        if codec.plain {
            text.to_str()?;
            return sink.text(text);
        }
        let encoded = text.call_method1("encode", (&codec.encoding, &codec.errors))?;
        sink.copy(encoded.cast::<PyBytes>()?.as_bytes())
    } else if arg.is_instance_of::<PyInt>() && !arg.is_instance_of::<PyBool>() {
        match arg.extract::<i64>() {
            Ok(value) => sink.copy(itoa::Buffer::new().format(value).as_bytes()),
            Err(_) => sink.copy(digits(arg)?.to_str()?.as_bytes()),
        }
    } else {
        encode_rare(&arg, sink)
    }
}

/// A big integer in decimal. Beyond some thousand digits the interpreter refuses, since it would take it long.
fn digits<'py>(int: Borrowed<'_, 'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
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

fn encode_rare<'a, 'py>(arg: &Bound<'py, PyAny>, sink: &mut impl Sink<'a, 'py>) -> PyResult<()> {
    if let Ok(value) = arg.cast_exact::<PyFloat>() {
        sink.copy(num::fmt_f64_repr(value.value(), &mut num::Buf::new()))
    } else if let Ok(value) = arg.cast::<PyFloat>() {
        sink.copy(value.repr()?.to_str()?.as_bytes())
    } else if let Ok(bytes) = arg.cast::<PyByteArray>() {
        sink.copy(&bytes.to_vec())
    } else if let Ok(buffer) = PyBuffer::<u8>::get(arg) {
        sink.copy(&buffer.to_vec(arg.py())?)
    } else {
        let kind = arg.get_type().name()?;
        Err(DataError::new_err(format!(
            "Invalid input of type: '{kind}'. Convert to a bytes, string, int or float first."
        )))
    }
}

/// One argument: its object, which owns the bytes, or a piece of the arena.
enum Piece<'a, 'py> {
    Bytes(Borrowed<'a, 'py, PyBytes>),
    Text(Borrowed<'a, 'py, PyString>),
    Owned(usize, usize),
}

/// The arguments of one command, gathered before they are borrowed together.
#[derive(Default)]
pub(crate) struct Arguments<'a, 'py> {
    pieces: SmallVec<[Piece<'a, 'py>; 8]>,
    arena: Vec<u8>,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// Adds every item of `args`, which must outlive this.
    pub(crate) fn extend(&mut self, args: &'a Bound<'py, PyTuple>, codec: &Codec) -> PyResult<()> {
        self.pieces.reserve(args.len());
        for arg in args.iter_borrowed() {
            encode(arg, codec, self)?;
        }
        Ok(())
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

impl<'a, 'py> Sink<'a, 'py> for Arguments<'a, 'py> {
    fn bytes(&mut self, bytes: Borrowed<'a, 'py, PyBytes>) -> PyResult<()> {
        self.pieces.push(Piece::Bytes(bytes));
        Ok(())
    }

    fn text(&mut self, text: Borrowed<'a, 'py, PyString>) -> PyResult<()> {
        self.pieces.push(Piece::Text(text));
        Ok(())
    }

    fn copy(&mut self, bytes: &[u8]) -> PyResult<()> {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.pieces.push(Piece::Owned(start, bytes.len()));
        Ok(())
    }
}

impl<'a, 'py> Sink<'a, 'py> for Room {
    fn bytes(&mut self, bytes: Borrowed<'a, 'py, PyBytes>) -> PyResult<()> {
        self.copy(bytes.as_bytes())
    }

    fn text(&mut self, text: Borrowed<'a, 'py, PyString>) -> PyResult<()> {
        self.copy(text.to_str()?.as_bytes())
    }

    fn copy(&mut self, bytes: &[u8]) -> PyResult<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}
