"""The exceptions: one tree, classes from reply codes, attributes that survive pickling."""

from __future__ import annotations

import copy
import pickle

import pytest

import aofstore
from aofstore import errors

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("text", "cls", "code"),
    [
        ("ERR syntax error", errors.ResponseError, "ERR"),
        (
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            errors.WrongTypeError,
            "WRONGTYPE",
        ),
        ("EXECABORT Transaction discarded because of previous errors.", errors.ExecAbortError, "EXECABORT"),
        ("LOADING Redis is loading the dataset in memory", errors.BusyLoadingError, "LOADING"),
        ("READONLY You can't write against a read only replica.", errors.ReadOnlyError, "READONLY"),
        ("NOSCRIPT No matching script.", errors.NoScriptError, "NOSCRIPT"),
        ("BUSYKEY Target key name already exists.", errors.ResponseError, "BUSYKEY"),
        ("something without a code", errors.ResponseError, "ERR"),
    ],
)
def test_class_and_code_follow_the_reply(text: str, cls: type[errors.ResponseError], code: str) -> None:
    error = errors.error_from_reply(text)
    assert type(error) is cls
    assert (str(error), error.code) == (text, code)


def test_misconf_carries_the_errno() -> None:
    named = errors.error_from_reply("MISCONF Errors writing to the AOF file: No space left on device")
    assert isinstance(named, errors.MisconfError)
    assert named.errno == 28
    given = errors.error_from_reply("MISCONF something else", errno=5)
    assert isinstance(given, errors.MisconfError)
    assert given.errno == 5


@pytest.mark.parametrize(
    "error",
    [
        errors.ResponseError("WRONGTYPE x"),
        errors.MisconfError("MISCONF x", errno=28),
        errors.PersistenceError("m", path="p"),
        errors.AofOpenError("m", path="p", errno=13),
        errors.AofLockedError("m", path="p", errno=11, pid=42),
        errors.AofLoadError("m", kind="format", path="p", offset=7),
        errors.AofWriteError("m", path="p", errno=28, pending_bytes=9),
        errors.RewriteError("m", signal=9),
        errors.RewriteInProgressError("m", exit_code=1),
    ],
)
def test_attributes_survive_pickling(error: errors.AofstoreError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_every_exception_is_re_exported() -> None:
    names = [name for name in errors.__all__ if name.endswith("Error")]
    assert len(names) == 21
    for name in names:
        assert getattr(aofstore, name) is getattr(errors, name)
        assert issubclass(getattr(errors, name), aofstore.AofstoreError)
