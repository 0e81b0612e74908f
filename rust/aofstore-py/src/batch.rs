//! `Batch`: the commands that a pipeline has buffered; the base of the `Pipeline` class.
//!
//! Arguments are taken when the call is made: a buffer that changes afterwards, or an object that no command could
//! take, shows there. INVARIANT: the commands end where the arguments end; a call that fails adds to neither.

use aofstore_core::command::{self, Reply, Spec};
use aofstore_core::engine::Request;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyMemoryError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PySuper, PyTuple};

use crate::arguments::{Codec, Sink, encode};
use crate::client::{PyClient, Shape};

/// Longer arguments stay in their objects.
const LONG: usize = 1024;

#[pyclass(subclass, module = "aofstore._core", name = "Batch")]
pub(crate) struct PyBatch {
    client: Py<PyClient>,
    /// Where commands are run at once instead of being buffered.
    direct: Option<Py<PyClient>>,
    commands: Vec<Queued>,
    arguments: Queue,
    /// What makes the values of some commands out of their replies, with their numbers.
    shapes: Vec<(usize, Py<PyAny>)>,
}

struct Queued {
    spec: Option<&'static Spec>,
    /// Where its arguments end; one without any is not sent, its reply is None.
    end: usize,
    shape: Shape,
}

/// The arguments of all commands, one behind the other.
#[derive(Default)]
struct Queue {
    pieces: Vec<Piece>,
    arena: Vec<u8>,
}

enum Piece {
    Copied(usize, usize),
    Bytes(Py<PyBytes>),
    Text(Py<PyString>),
}

impl<'a, 'py> Sink<'a, 'py> for Queue {
    fn bytes(&mut self, bytes: Borrowed<'a, 'py, PyBytes>) -> PyResult<()> {
        if bytes.as_bytes().len() <= LONG {
            return self.copy(bytes.as_bytes());
        }
        self.pieces.push(Piece::Bytes(bytes.to_owned().unbind()));
        Ok(())
    }

    fn text(&mut self, text: Borrowed<'a, 'py, PyString>) -> PyResult<()> {
        if text.to_str()?.len() <= LONG {
            return self.copy(text.to_str()?.as_bytes());
        }
        self.pieces.push(Piece::Text(text.to_owned().unbind()));
        Ok(())
    }

    fn copy(&mut self, bytes: &[u8]) -> PyResult<()> {
        self.arena.try_reserve(bytes.len()).map_err(|_| PyMemoryError::new_err(()))?;
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.pieces.push(Piece::Copied(start, bytes.len()));
        Ok(())
    }
}

impl Queue {
    /// Adds the arguments of one command.
    fn extend<'a, 'py: 'a>(
        &mut self,
        name: Option<&str>,
        args: impl IntoIterator<Item = Borrowed<'a, 'py, PyAny>>,
        codec: &Codec,
    ) -> PyResult<()> {
        let (pieces, bytes) = (self.pieces.len(), self.arena.len());
        let named = name.map_or(Ok(()), |name| self.copy(name.as_bytes()));
        let added = named.and_then(|()| args.into_iter().try_for_each(|arg| encode(arg, codec, self)));
        if added.is_err() {
            self.pieces.truncate(pieces);
            self.arena.truncate(bytes);
        }
        added
    }

    fn slice<'a>(&'a self, py: Python<'a>, piece: &'a Piece) -> &'a [u8] {
        match piece {
            Piece::Copied(start, len) => self.arena.get(*start..start + len).unwrap_or_default(),
            Piece::Bytes(bytes) => bytes.as_bytes(py),
            Piece::Text(text) => text.to_str(py).map(str::as_bytes).unwrap_or_default(),
        }
    }
}

impl PyBatch {
    /// Buffers a command; `name` is the first of `args` if it is not given.
    fn push<'a, 'py: 'a>(
        &mut self,
        py: Python<'py>,
        name: Option<&str>,
        args: impl IntoIterator<Item = Borrowed<'a, 'py, PyAny>>,
        shape: Shape,
    ) -> PyResult<()> {
        let begin = self.arguments.pieces.len();
        self.arguments.extend(name, args, self.client.bind(py).get().codec())?;
        let first = self.arguments.pieces.get(begin);
        let spec = first.and_then(|piece| command::lookup(self.arguments.slice(py, piece)));
        self.commands.push(Queued { spec, end: self.arguments.pieces.len(), shape });
        Ok(())
    }

    /// Buffers a command, or runs it at once.
    fn send<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        shape: Shape,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let mut this = slf.try_borrow_mut()?;
        if let Some(direct) = &this.direct {
            let direct = direct.clone_ref(py);
            drop(this);
            return direct.get().run(py, args, shape);
        }
        this.push(py, None, args.iter_borrowed(), shape)?;
        Ok(slf.clone().into_any())
    }

    /// A method of `Commands` called in the plainest way; None if it is not to be buffered.
    fn plain<'py, const N: usize>(
        slf: &Bound<'py, Self>,
        name: &str,
        args: [&Bound<'py, PyAny>; N],
        shape: Shape,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut this = slf.try_borrow_mut()?;
        if this.direct.is_some() {
            return Ok(None);
        }
        this.push(slf.py(), Some(name), args.map(Bound::as_borrowed), shape)?;
        Ok(Some(slf.clone().into_any()))
    }

    /// The arguments of each command, in order.
    fn requests<'a>(&self, slices: &'a [&'a [u8]]) -> Vec<Request<'a>> {
        let mut start = 0;
        let request = |command: &Queued| {
            let argv = slices.get(start..command.end).unwrap_or_default();
            start = command.end;
            Request { spec: command.spec, argv }
        };
        self.commands.iter().map(request).collect()
    }

    fn slices<'a>(&'a self, py: Python<'a>) -> Vec<&'a [u8]> {
        self.arguments.pieces.iter().map(|piece| self.arguments.slice(py, piece)).collect()
    }
}

#[pymethods]
impl PyBatch {
    #[new]
    #[pyo3(signature = (client, *_rest, **_named))]
    fn new(client: Py<PyClient>, _rest: &Bound<'_, PyTuple>, _named: Option<&Bound<'_, PyDict>>) -> Self {
        Self { client, direct: None, commands: Vec::new(), arguments: Queue::default(), shapes: Vec::new() }
    }

    fn __len__(&self) -> usize {
        self.commands.len()
    }

    /// GET name.
    fn get<'py>(slf: &Bound<'py, Self>, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match Self::plain(slf, "GET", [name], Shape::Raw)? {
            Some(this) => Ok(this),
            None => facade(slf, "get")?.call1((name,)),
        }
    }

    /// SET name value; with the options that `Store.set` has.
    #[pyo3(signature = (name, value, ex=None, px=None, nx=None, xx=None, keepttl=None, get=None, exat=None, pxat=None,
        ifeq=None, ifne=None, ifdeq=None, ifdne=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "spelled out they cost nothing; gathered in a dict they do"
    )]
    fn set<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        ex: Option<&Bound<'py, PyAny>>,
        px: Option<&Bound<'py, PyAny>>,
        nx: Option<&Bound<'py, PyAny>>,
        xx: Option<&Bound<'py, PyAny>>,
        keepttl: Option<&Bound<'py, PyAny>>,
        get: Option<&Bound<'py, PyAny>>,
        exat: Option<&Bound<'py, PyAny>>,
        pxat: Option<&Bound<'py, PyAny>>,
        ifeq: Option<&Bound<'py, PyAny>>,
        ifne: Option<&Bound<'py, PyAny>>,
        ifdeq: Option<&Bound<'py, PyAny>>,
        ifdne: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let given = [ex, px, nx, xx, keepttl, get, exat, pxat, ifeq, ifne, ifdeq, ifdne];
        if given.iter().all(Option::is_none)
            && let Some(this) = Self::plain(slf, "SET", [name, value], Shape::Ok)?
        {
            return Ok(this);
        }
        let names =
            ["ex", "px", "nx", "xx", "keepttl", "get", "exat", "pxat", "ifeq", "ifne", "ifdeq", "ifdne"];
        let options = PyDict::new(slf.py());
        for (name, value) in names.into_iter().zip(given) {
            if let Some(value) = value {
                options.set_item(name, value)?;
            }
        }
        facade(slf, "set")?.call((name, value), Some(&options))
    }

    #[pyo3(signature = (*args))]
    fn _call<'py>(slf: &Bound<'py, Self>, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        Self::send(slf, args, Shape::Raw)
    }

    #[pyo3(signature = (*args))]
    fn _ok<'py>(slf: &Bound<'py, Self>, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        Self::send(slf, args, Shape::Ok)
    }

    /// Without arguments nothing is sent, and `shape` is given None.
    #[pyo3(signature = (shape, /, *args))]
    fn _shaped<'py>(
        slf: &Bound<'py, Self>,
        shape: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let mut this = slf.try_borrow_mut()?;
        if let Some(direct) = &this.direct {
            let direct = direct.clone_ref(py);
            drop(this);
            let reply = if args.is_empty() {
                py.None().into_bound(py)
            } else {
                direct.get().run(py, args, Shape::Raw)?
            };
            return shape.call1((reply,));
        }
        this.push(py, None, args.iter_borrowed(), Shape::Raw)?;
        let number = this.commands.len() - 1;
        this.shapes.push((number, shape.clone().unbind()));
        Ok(slf.clone().into_any())
    }

    /// From now on commands are run at once by `client`; None: buffered again.
    fn _run_at_once(&mut self, client: Option<Py<PyClient>>) {
        self.direct = client;
    }

    /// Runs what is buffered: its replies, not shaped yet, and whether there is an error among them.
    fn _run<'py>(
        &self,
        py: Python<'py>,
        client: &Bound<'py, PyClient>,
        transaction: bool,
    ) -> PyResult<(Bound<'py, PyList>, bool)> {
        let slices = self.slices(py);
        let requests = self.requests(&slices);
        let sent: Vec<_> = requests.iter().copied().filter(|request| !request.argv.is_empty()).collect();
        let mut reply = Reply::new();
        client.get().run_batch(py, &sent, transaction, &mut reply)?;
        let mut builder = client.get().builder(py, &reply);
        let mut failed = false;
        let answer = |(command, request): (&Queued, &Request<'_>)| {
            if request.argv.is_empty() {
                return Ok(py.None().into_bound(py));
            }
            failed |= builder.is_at_error();
            builder.next_as(command.shape)
        };
        let answers = self.commands.iter().zip(&requests).map(answer).collect::<PyResult<Vec<_>>>()?;
        Ok((PyList::new(py, answers)?, failed))
    }

    /// The commands that are to be shaped, by number, and how.
    #[getter]
    fn _shapes(&self, py: Python<'_>) -> Vec<(usize, Py<PyAny>)> {
        self.shapes.iter().map(|(number, shape)| (*number, shape.clone_ref(py))).collect()
    }

    /// The buffered commands as they will be sent.
    #[getter]
    fn command_stack<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let slices = self.slices(py);
        let shown =
            |request: Request<'_>| PyTuple::new(py, request.argv.iter().map(|arg| PyBytes::new(py, arg)));
        self.requests(&slices).into_iter().map(shown).collect()
    }

    /// Forgets what is buffered.
    fn _forget(&mut self) {
        self.commands = Vec::new();
        self.arguments = Queue::default();
        self.shapes = Vec::new();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.shapes.iter().try_for_each(|(_, shape)| visit.call(shape))
    }

    fn __clear__(&mut self) {
        self.shapes.clear();
    }
}

/// The method of `Commands`, for everything that is not plain.
fn facade<'py>(slf: &Bound<'py, PyBatch>, method: &str) -> PyResult<Bound<'py, PyAny>> {
    PySuper::new(&slf.py().get_type::<PyBatch>(), slf.as_any())?.getattr(method)
}
