//! Replies as Python objects, typed as RESP3 types them; each built once, after the engine's lock.

use aofstore_core::command::{Node, Reply};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PySet, PyString};

use crate::arguments::Codec;
use crate::client::Shape;
use crate::error::reply_error;

/// From here on a value's memory is asked for, not taken for granted.
const LARGE: usize = 1 << 20;

/// Walks a reply's nodes from `at` on.
pub(crate) struct Builder<'a, 'py> {
    py: Python<'py>,
    reply: &'a Reply,
    codec: &'a Codec,
    at: usize,
    /// The log's last error number, for MISCONF errors inside an aggregate.
    errno: i32,
}

impl<'a, 'py> Builder<'a, 'py> {
    pub(crate) fn new(py: Python<'py>, reply: &'a Reply, codec: &'a Codec, errno: i32) -> Self {
        Self { py, reply, codec, at: 0, errno }
    }

    /// Whether the next reply is an error.
    pub(crate) fn is_at_error(&self) -> bool {
        matches!(self.reply.nodes().get(self.at), Some(Node::Error(..)))
    }

    /// The next whole reply in its shape.
    pub(crate) fn next_as(&mut self, shape: Shape) -> PyResult<Bound<'py, PyAny>> {
        if let (Shape::Ok, Some(Node::Status(_))) = (shape, self.reply.nodes().get(self.at)) {
            self.at += 1;
            return Ok(PyBool::new(self.py, true).to_owned().into_any());
        }
        self.next()
    }

    /// The next whole reply; None when there is no node left.
    pub(crate) fn next(&mut self) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let Some(&node) = self.reply.nodes().get(self.at) else { return Ok(py.None().into_bound(py)) };
        self.at += 1;
        match node {
            Node::Nil => Ok(py.None().into_bound(py)),
            Node::Int(value) => Ok(PyInt::new(py, value).into_any()),
            Node::Double(value) => Ok(PyFloat::new(py, value).into_any()),
            Node::Status(text) => self.text(text.as_bytes()),
            Node::Bulk(start, len) => self.text(self.reply.slice(start, len)),
            Node::Binary(start, len) => self.bytes(self.reply.slice(start, len)),
            Node::Error(start, len) => {
                let text = String::from_utf8_lossy(self.reply.slice(start, len)).into_owned();
                reply_error(py, &text, self.errno)
            }
            Node::Array(len) => {
                let list = PyList::empty(py);
                for _ in 0..len {
                    list.append(self.next()?)?;
                }
                Ok(list.into_any())
            }
            Node::Set(len) => {
                let set = PySet::empty(py)?;
                for _ in 0..len {
                    set.add(self.next()?)?;
                }
                Ok(set.into_any())
            }
            Node::Map(len) => {
                let dict = PyDict::new(py);
                for _ in 0..len {
                    let key = self.next()?;
                    dict.set_item(key, self.next()?)?;
                }
                Ok(dict.into_any())
            }
        }
    }

    /// A long value may be more than there is memory for: then this is a `MemoryError`, where `PyBytes::new` panics.
    fn bytes(&self, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        if bytes.len() <= LARGE {
            return Ok(PyBytes::new(self.py, bytes).into_any());
        }
        let filled = PyBytes::new_with(self.py, bytes.len(), |room| {
            room.copy_from_slice(bytes);
            Ok(())
        });
        filled.map(Bound::into_any)
    }

    fn text(&self, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        if !self.codec.decode {
            return self.bytes(bytes);
        }
        if self.codec.plain
            && bytes.len() <= LARGE
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            return Ok(PyString::new(self.py, text).into_any());
        }
        self.bytes(bytes)?.call_method1("decode", (&self.codec.encoding, &self.codec.errors))
    }
}
