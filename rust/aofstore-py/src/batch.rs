//! `Batch`: the commands that a pipeline has buffered; the base of the `Pipeline` class.
//!
//! Arguments are taken when the call is made: a buffer that changes afterwards, or an object that no command could
//! take, shows there. INVARIANT: the commands end where the arguments end; a call that fails adds to neither.
//!
//! For one thread at a time. What two threads do all the same is one after the other as far as the interpreter's lock,
//! or in its place the object's, can have it so; where it can not (one of them runs the pipeline, or Python turns an
//! argument into a number), it is refused: nothing is mixed up.

use aofstore_core::command::{self, Reply, Spec};
use aofstore_core::engine::Request;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyMemoryError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PySuper, PyTuple};

use crate::arguments::{Codec, Sink, encode};
use crate::client::{PyClient, Shape};
use crate::error::AofstoreError;

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

/// The pipeline is being used, by another thread or around this very call.
#[cold]
fn in_use() -> PyErr {
    AofstoreError::new_err(
        "the pipeline is in use: it is for one thread at a time. Make another with Store.pipeline()",
    )
}

impl PyBatch {
    /// Without the interpreter's lock a pipeline's own does its work here: as with it, calls take turns.
    #[inline]
    fn change<T>(slf: &Bound<'_, Self>, work: impl FnOnce(&mut Self) -> PyResult<T>) -> PyResult<T> {
        with_critical_section(slf, || work(&mut *slf.try_borrow_mut().map_err(|_| in_use())?))
    }

    #[inline]
    fn look<T>(slf: &Bound<'_, Self>, work: impl FnOnce(&Self) -> PyResult<T>) -> PyResult<T> {
        with_critical_section(slf, || work(&*slf.try_borrow().map_err(|_| in_use())?))
    }

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
        let direct = Self::change(slf, |this| match &this.direct {
            Some(direct) => Ok(Some(direct.clone_ref(py))),
            None => this.push(py, None, args.iter_borrowed(), shape).map(|()| None),
        })?;
        match direct {
            Some(direct) => direct.get().run(py, args, shape),
            None => Ok(slf.clone().into_any()),
        }
    }

    /// A method of `Commands` called in the plainest way; None if it is not to be buffered.
    fn plain<'py, const N: usize>(
        slf: &Bound<'py, Self>,
        name: &str,
        args: [&Bound<'py, PyAny>; N],
        shape: Shape,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let buffered = Self::change(slf, |this| match this.direct {
            Some(_) => Ok(false),
            None => this.push(slf.py(), Some(name), args.map(Bound::as_borrowed), shape).map(|()| true),
        })?;
        Ok(buffered.then(|| slf.clone().into_any()))
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

    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Self::look(slf, |this| Ok(this.commands.len()))
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
        let direct = Self::change(slf, |this| {
            if let Some(direct) = &this.direct {
                return Ok(Some(direct.clone_ref(py)));
            }
            let number = this.commands.len();
            this.push(py, None, args.iter_borrowed(), Shape::Raw)?;
            this.shapes.push((number, shape.clone().unbind()));
            Ok(None)
        })?;
        let Some(direct) = direct else { return Ok(slf.clone().into_any()) };
        let reply = if args.is_empty() {
            py.None().into_bound(py)
        } else {
            direct.get().run(py, args, Shape::Raw)?
        };
        shape.call1((reply,))
    }

    /// From now on commands are run at once by `client`; None: buffered again.
    fn _run_at_once(slf: &Bound<'_, Self>, client: Option<Py<PyClient>>) -> PyResult<()> {
        // The one before may be the last of its kind: gone it goes through Python.
        let before = Self::change(slf, |this| Ok(std::mem::replace(&mut this.direct, client)))?;
        drop(before);
        Ok(())
    }

    /// Runs what is buffered: its replies, not shaped yet, and whether there is an error among them.
    fn _run<'py>(
        slf: &Bound<'py, Self>,
        client: &Bound<'py, PyClient>,
        transaction: bool,
    ) -> PyResult<(Bound<'py, PyList>, bool)> {
        let py = slf.py();
        // Without the object's lock: this may wait for a sync.
        let this = slf.try_borrow().map_err(|_| in_use())?;
        let slices = this.slices(py);
        let requests = this.requests(&slices);
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
        let answers = this.commands.iter().zip(&requests).map(answer).collect::<PyResult<Vec<_>>>()?;
        Ok((PyList::new(py, answers)?, failed))
    }

    /// The commands that are to be shaped, by number, and how.
    #[getter]
    fn _shapes(slf: &Bound<'_, Self>) -> PyResult<Vec<(usize, Py<PyAny>)>> {
        let copied = |(number, shape): &(usize, Py<PyAny>)| (*number, shape.clone_ref(slf.py()));
        Self::look(slf, |this| Ok(this.shapes.iter().map(copied).collect()))
    }

    /// The buffered commands as they will be sent.
    #[getter]
    fn command_stack<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let py = slf.py();
        let shown =
            |request: Request<'_>| PyTuple::new(py, request.argv.iter().map(|arg| PyBytes::new(py, arg)));
        Self::look(slf, |this| {
            let slices = this.slices(py);
            this.requests(&slices).into_iter().map(shown).collect()
        })
    }

    /// Forgets what is buffered.
    fn _forget(slf: &Bound<'_, Self>) -> PyResult<()> {
        let forgotten = Self::change(slf, |this| {
            this.commands = Vec::new();
            Ok((std::mem::take(&mut this.arguments), std::mem::take(&mut this.shapes)))
        })?;
        // What goes with them may be Python that uses this pipeline.
        drop(forgotten);
        Ok(())
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
