//! `Direct`: the calls that a store is asked most often, without a Python frame.
//!
//! `Store` derives from it, in front of the command families. Each method here is the family's method of the same
//! name for the one usual form of its arguments; any other form is handed to the family. INVARIANT: for the usual
//! form both send the same command; `tests/meta/test_direct.py` compares all of them.
#![expect(
    clippy::doc_markdown,
    clippy::too_many_arguments,
    reason = "docstrings and signatures are Python's"
)]

use std::convert::Infallible;

use aofstore_core::command::{Spec, named};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyDict, PyTuple};

use crate::arguments::Room;
use crate::client::{PyClient, Shape};

#[pyclass(frozen, subclass, module = "aofstore._core", name = "Direct")]
pub(crate) struct PyDirect {
    client: Py<PyClient>,
}

/// An argument, if there was one; a None that somebody gave is one.
#[derive(Clone, Copy)]
struct Given<'a, 'py>(Option<Borrowed<'a, 'py, PyAny>>);

impl<'a, 'py> FromPyObject<'a, 'py> for Given<'a, 'py> {
    type Error = Infallible;

    #[inline]
    fn extract(given: Borrowed<'a, 'py, PyAny>) -> Result<Self, Infallible> {
        Ok(Self(Some(given)))
    }
}

/// A method of a command family, and the command that its usual form is.
struct Method {
    name: &'static str,
    spec: &'static Spec,
    shape: Shape,
    /// An argument behind those that were given.
    last: Option<&'static [u8]>,
}

impl Method {
    const fn new(name: &'static str, command: &str, shape: Shape) -> Self {
        Self { name, spec: named(command), shape, last: None }
    }

    const fn then(self, last: &'static [u8]) -> Self {
        Self { last: Some(last), ..self }
    }
}

/// Most words of a command here, its name included.
const WORDS: usize = 4;

impl PyDirect {
    /// The command with these arguments, or None if one was not given.
    #[inline]
    fn run<'py, const N: usize>(
        slf: &Bound<'py, Self>,
        method: &'static Method,
        given: [Given<'_, 'py>; N],
    ) -> Option<PyResult<Bound<'py, PyAny>>> {
        if given.iter().any(|given| given.0.is_none()) {
            return None;
        }
        let client = slf.get().client.get();
        let mut rooms: [Room; N] = std::array::from_fn(|_| Room::new());
        let mut argv: [&[u8]; WORDS] = [method.spec.name.as_bytes(), b"", b"", b""];
        let mut words = argv.iter_mut().skip(1);
        for ((given, room), word) in given.iter().zip(&mut rooms).zip(&mut words) {
            if let Some(given) = &given.0 {
                *word = match client.codec().bytes_of(given, room) {
                    Ok(bytes) => bytes,
                    Err(error) => return Some(Err(error)),
                };
            }
        }
        let mut count = 1 + N;
        if let (Some(last), Some(word)) = (method.last, words.next()) {
            *word = last;
            count += 1;
        }
        let argv = argv.get(..count).unwrap_or_default();
        Some(client.direct(slf.py(), method.spec, argv, method.shape))
    }

    /// As [`run`](Self::run), for a number that grows by one unless told otherwise.
    #[inline]
    fn add<'py>(
        slf: &Bound<'py, Self>,
        [method, by_one]: [&'static Method; 2],
        name: Given<'_, 'py>,
        amount: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let added = match amount.0 {
            None => Self::run(slf, by_one, [name]),
            Some(_) => Self::run(slf, method, [name, amount]),
        };
        added.unwrap_or_else(|| Self::by_name(slf, method, &[("name", name), ("amount", amount)]))
    }

    /// What the method would be without this class, with the arguments that were given, by name.
    #[cold]
    fn by_name<'py>(
        slf: &Bound<'py, Self>,
        method: &Method,
        given: &[(&str, Given<'_, 'py>)],
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = PyDict::new(slf.py());
        for (name, given) in given {
            if let Some(given) = given.0 {
                options.set_item(name, given)?;
            }
        }
        Self::beyond(slf, method)?.call((), Some(&options))
    }

    /// The same by position.
    #[cold]
    fn by_position<'py>(
        slf: &Bound<'py, Self>,
        method: &Method,
        given: &[Given<'_, 'py>],
        others: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let given = given.iter().filter_map(|given| given.0).map(Borrowed::to_owned);
        let args = PyTuple::new(slf.py(), given.chain(others).collect::<Vec<_>>())?;
        Self::beyond(slf, method)?.call1(args)
    }

    fn beyond<'py>(slf: &Bound<'py, Self>, method: &Method) -> PyResult<Bound<'py, PyAny>> {
        static SUPER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = slf.py();
        SUPER.import(py, "builtins", "super")?.call1((py.get_type::<Self>(), slf))?.getattr(method.name)
    }
}

/// A row: the family's docstring, the method with the parameters of its usual form and the optional ones behind `|`,
/// its whole signature, the command. Rows under `any` take any number of arguments by position; the names of their
/// parameters are not for users. The methods under `also` need more than that.
macro_rules! direct {
    (
        some { $(
            $(#[$doc:meta])* $name:ident($($arg:ident),+ $(| $($option:ident),+)?) $signature:literal
                = $command:literal $shape:ident;
        )* }
        any { $($(#[$any_doc:meta])* $any:ident($($any_arg:ident),+) $any_signature:literal = $any_command:literal;)* }
        also { $($more:tt)* }
    ) => {
        #[pymethods]
        impl PyDirect {
            $(
                $(#[$doc])*
                #[pyo3(
                    signature = ($($arg = Given(None),)+ $($($option = Given(None),)+)?),
                    text_signature = $signature
                )]
                fn $name<'py>(
                    slf: &Bound<'py, Self>,
                    $($arg: Given<'_, 'py>,)+
                    $($($option: Given<'_, 'py>,)+)?
                ) -> PyResult<Bound<'py, PyAny>> {
                    const METHOD: &Method = &Method::new(stringify!($name), $command, Shape::$shape);
                    if true $($(&& $option.0.is_none())+)?
                        && let Some(reply) = Self::run(slf, METHOD, [$($arg),+])
                    {
                        return reply;
                    }
                    let given = [$((stringify!($arg), $arg),)+ $($((stringify!($option), $option),)+)?];
                    Self::by_name(slf, METHOD, &given)
                }
            )*
            $(
                $(#[$any_doc])*
                #[pyo3(signature = ($($any_arg = Given(None),)+ *others), text_signature = $any_signature)]
                fn $any<'py>(
                    slf: &Bound<'py, Self>,
                    $($any_arg: Given<'_, 'py>,)+
                    others: &Bound<'py, PyTuple>,
                ) -> PyResult<Bound<'py, PyAny>> {
                    const METHOD: &Method = &Method::new(stringify!($any), $any_command, Shape::Raw);
                    if others.is_empty()
                        && let Some(reply) = Self::run(slf, METHOD, [$($any_arg),+])
                    {
                        return reply;
                    }
                    Self::by_position(slf, METHOD, &[$($any_arg),+], others)
                }
            )*
            $($more)*
        }
    };
}

direct! {
    some {
        /// The value of key ``name``, or None when there is none (GET).
        ///
        /// WrongTypeError when it is no string.
        get(name) "($self, name)" = "GET" Raw;

        /// Set key ``name`` to ``value``, whatever it held before (SET).
        ///
        /// True, or None when a condition failed.
        ///
        /// ``ex`` and ``px`` let the key expire after that many seconds or milliseconds (or a timedelta),
        /// ``exat`` and ``pxat`` at that Unix time (or a datetime); ``keepttl`` keeps the expiry that the key
        /// had. ``nx`` sets only a new key, ``xx`` only an existing one. With ``get`` the old value is returned,
        /// None when there was none.
        ///
        /// ``ifeq``, ``ifne``, ``ifdeq`` and ``ifdne`` belong to servers newer than Redis 7.2: as there, the
        /// answer is ``ERR syntax error``. DataError when options exclude each other.
        set(name, value | ex, px, nx, xx, keepttl, get, exat, pxat, ifeq, ifne, ifdeq, ifdne)
            "($self, name, value, ex=None, px=None, nx=False, xx=False, keepttl=False, get=False, \
             exat=None, pxat=None, ifeq=None, ifne=None, ifdeq=None, ifdne=None)" = "SET" Ok;

        /// The value of field ``key``, None when there is none (HGET).
        hget(name, key) "($self, name, key)" = "HGET" Raw;

        /// Take the first element, or with ``count`` a list of up to that many (LPOP).
        ///
        /// None when there is no list.
        lpop(name | count) "($self, name, count=None)" = "LPOP" Raw;

        /// Take the last element, or with ``count`` a list of up to that many (RPOP).
        ///
        /// None when there is no list.
        rpop(name | count) "($self, name, count=None)" = "RPOP" Raw;

        /// 1 if ``value`` is a member, else 0 (SISMEMBER).
        sismember(name, value) "($self, name, value)" = "SISMEMBER" Raw;

        /// The score of member ``value``, None when there is none (ZSCORE).
        zscore(name, value) "($self, name, value)" = "ZSCORE" Raw;

        /// Add ``amount`` to the score of member ``value``, 0 when missing; the new score (ZINCRBY).
        zincrby(name, amount, value) "($self, name, amount, value)" = "ZINCRBY" Raw;
    }
    any {
        /// Delete keys; how many there were (DEL).
        delete(first) "($self, *names)" = "DEL";

        /// How many of ``names`` exist, one named twice counts twice (EXISTS).
        exists(first) "($self, *names)" = "EXISTS";

        /// Delete fields; how many there were (HDEL).
        hdel(name, first) "($self, name, *keys)" = "HDEL";

        /// Push ``values`` one by one onto the head; the new length (LPUSH).
        lpush(name, first) "($self, name, *values)" = "LPUSH";

        /// Push ``values`` one by one onto the tail; the new length (RPUSH).
        rpush(name, first) "($self, name, *values)" = "RPUSH";

        /// Add members; how many were new (SADD).
        sadd(name, first) "($self, name, *values)" = "SADD";

        /// Remove members; how many there were (SREM).
        srem(name, first) "($self, name, *values)" = "SREM";
    }
    also {
        #[new]
        #[pyo3(signature = (client, /))]
        fn new(client: Py<PyClient>) -> PyResult<Self> {
            if client.get().has_state() {
                return Err(PyTypeError::new_err("a client with state of its own takes the long way"));
            }
            Ok(Self { client })
        }

        /// Add ``amount`` to the integer at ``name``, 0 when missing; the new value (INCRBY).
        #[pyo3(signature = (name = Given(None), amount = Given(None)), text_signature = "($self, name, amount=1)")]
        fn incr<'py>(
            slf: &Bound<'py, Self>,
            name: Given<'_, 'py>,
            amount: Given<'_, 'py>,
        ) -> PyResult<Bound<'py, PyAny>> {
            const METHOD: &Method = &Method::new("incr", "INCRBY", Shape::Raw);
            const BY_ONE: &Method = &Method::new("incr", "INCRBY", Shape::Raw).then(b"1");
            Self::add(slf, [METHOD, BY_ONE], name, amount)
        }

        /// Add ``amount`` to the integer at ``name``, 0 when missing; the new value (INCRBY).
        #[pyo3(signature = (name = Given(None), amount = Given(None)), text_signature = "($self, name, amount=1)")]
        fn incrby<'py>(
            slf: &Bound<'py, Self>,
            name: Given<'_, 'py>,
            amount: Given<'_, 'py>,
        ) -> PyResult<Bound<'py, PyAny>> {
            const METHOD: &Method = &Method::new("incrby", "INCRBY", Shape::Raw);
            const BY_ONE: &Method = &Method::new("incrby", "INCRBY", Shape::Raw).then(b"1");
            Self::add(slf, [METHOD, BY_ONE], name, amount)
        }

        /// Set field ``key`` to ``value``, and those of ``mapping`` and of the flat list ``items`` (HSET).
        ///
        /// How many fields were new. DataError when there is nothing to set.
        #[pyo3(
            signature = (
                name = Given(None), key = Given(None), value = Given(None), mapping = Given(None), items = Given(None)
            ),
            text_signature = "($self, name, key=None, value=None, mapping=None, items=None)"
        )]
        fn hset<'py>(
            slf: &Bound<'py, Self>,
            name: Given<'_, 'py>,
            key: Given<'_, 'py>,
            value: Given<'_, 'py>,
            mapping: Given<'_, 'py>,
            items: Given<'_, 'py>,
        ) -> PyResult<Bound<'py, PyAny>> {
            const METHOD: &Method = &Method::new("hset", "HSET", Shape::Raw);
            let one = mapping.0.is_none() && items.0.is_none() && key.0.is_some_and(|key| !key.is_none());
            if one && let Some(reply) = Self::run(slf, METHOD, [name, key, value]) {
                return reply;
            }
            let given =
                [("name", name), ("key", key), ("value", value), ("mapping", mapping), ("items", items)];
            Self::by_name(slf, METHOD, &given)
        }

        /// Set the scores of ``mapping``, member to score; how many members were new (ZADD).
        ///
        /// ``nx`` only adds, ``xx`` only changes, ``gt`` and ``lt`` change only to a higher or a lower score;
        /// ``ch`` counts changed members too. ``incr`` adds to the score of the one member instead and returns
        /// the new score, None when a condition forbade it. DataError when ``mapping`` is empty or options
        /// exclude each other.
        #[pyo3(
            signature = (
                name = Given(None), mapping = Given(None), nx = Given(None), xx = Given(None), ch = Given(None),
                incr = Given(None), gt = Given(None), lt = Given(None)
            ),
            text_signature = "($self, name, mapping, nx=False, xx=False, ch=False, incr=False, gt=False, lt=False)"
        )]
        fn zadd<'py>(
            slf: &Bound<'py, Self>,
            name: Given<'_, 'py>,
            mapping: Given<'_, 'py>,
            nx: Given<'_, 'py>,
            xx: Given<'_, 'py>,
            ch: Given<'_, 'py>,
            incr: Given<'_, 'py>,
            gt: Given<'_, 'py>,
            lt: Given<'_, 'py>,
        ) -> PyResult<Bound<'py, PyAny>> {
            const METHOD: &Method = &Method::new("zadd", "ZADD", Shape::Raw);
            let plain = [nx, xx, ch, incr, gt, lt].iter().all(|option| option.0.is_none());
            let pair = mapping.0.filter(|_| plain).and_then(only_pair);
            if let Some((member, score)) = &pair {
                let given = [name, Given(Some(score.as_borrowed())), Given(Some(member.as_borrowed()))];
                if let Some(reply) = Self::run(slf, METHOD, given) {
                    return reply;
                }
            }
            let given = [
                ("name", name), ("mapping", mapping), ("nx", nx), ("xx", xx), ("ch", ch), ("incr", incr), ("gt", gt),
                ("lt", lt),
            ];
            Self::by_name(slf, METHOD, &given)
        }
    }
}

/// Key and value of a dict that has one. Another thread may change it meanwhile.
#[inline]
fn only_pair<'py>(mapping: Borrowed<'_, 'py, PyAny>) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let dict = mapping.cast_exact::<PyDict>().ok()?;
    with_critical_section(&dict, || if dict.len() == 1 { dict.iter().next() } else { None })
}
