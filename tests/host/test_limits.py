"""Limits that the system sets to the host are exceptions and can be got over; the host lives."""

from __future__ import annotations

from pathlib import Path

import pytest

import aofstore
from tests.crash.layouts import Layout
from tests.host.child import said


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_a_file_size_limit_refuses_writes_and_lifting_it_recovers(tmp_path: Path, policy: str) -> None:
    out = said(
        """
import errno, logging, resource
logging.getLogger("aofstore").addHandler(logging.NullHandler())
store = aofstore.open(directory, appendfsync=argv[1])
store.set("before", "v")
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
try:
    store.set("big", "x" * 100_000)
except aofstore.AofWriteError as error:
    assert error.errno in (errno.EFBIG, errno.ENOSPC), error.errno
    assert error.pending_bytes > 100_000
else:
    raise SystemExit("the limit was not met")
for call in (lambda: store.set("k", "v"), lambda: store.pipeline().set("k", "v").execute()):
    try:
        call()
    except aofstore.MisconfError as error:
        assert error.errno in (errno.EFBIG, errno.ENOSPC), error.errno
    except aofstore.ExecAbortError as error:
        assert "MISCONF" in str(error), error
    else:
        raise SystemExit("it was taken")
try:
    store.flush()
except aofstore.AofWriteError as error:
    assert error.pending_bytes > 100_000
assert store.get("before") == b"v"
assert store.last_persistence_error.errno in (errno.EFBIG, errno.ENOSPC)
assert log().stat().st_size <= 4096
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
deadline = time.monotonic() + 10
while True:
    try:
        store.set("after", "v")
        break
    except aofstore.MisconfError:
        assert time.monotonic() < deadline
        time.sleep(0.05)
assert store.last_persistence_error is None
store.close()
with aofstore.open(directory) as store:
    print(store.get("before"), store.strlen("big"), store.get("after"))
""",
        tmp_path,
        policy,
    )
    assert out == "b'v' 100000 b'v'"


def test_a_disk_that_stays_full_at_close_is_an_error_and_everything_is_released(tmp_path: Path) -> None:
    said(
        """
import logging, resource
logging.getLogger("aofstore").addHandler(logging.NullHandler())
before = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
store = aofstore.open(directory)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
for call in (lambda: store.set("k", "v"), store.close):
    try:
        call()
    except aofstore.AofWriteError:
        continue
    raise SystemExit("not told")
store.close()
assert isinstance(store.last_persistence_error, aofstore.AofWriteError)
assert (len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))) == before
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
with aofstore.open(directory) as store:
    assert store.get("k") is None
""",
        tmp_path,
    )


def test_an_unlock_that_fails_is_told_once_and_the_directory_is_free(tmp_path: Path) -> None:
    said(
        """
plan = _testing.FaultPlan()
_testing.install_fault_plan(plan)
store = aofstore.open(directory)
_testing.install_fault_plan(None)
plan.add("unlock", 5, mode="fail")
try:
    store.close()
except aofstore.AofOpenError as error:
    assert error.errno == 5
else:
    raise SystemExit("not told")
store.close()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    del store
    gc.collect()
assert not caught, caught
aofstore.open(directory).close()
""",
        tmp_path,
    )


def test_a_log_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path, layout: Layout) -> None:
    name = {"single-file": "appendonly.aof", "multi-part": "appendonlydir/appendonly.aof.manifest"}[layout]
    (tmp_path / name).mkdir(parents=True)
    with pytest.raises(aofstore.PersistenceError) as caught:
        aofstore.open(tmp_path)
    assert name in str(caught.value)
    (tmp_path / name).rmdir()
    aofstore.open(tmp_path).close()
