"""A save forks the host too: what the host notices of it, and what its end means for the dump."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

import aofstore
from tests.host.child import finish, said, start
from tests.rewrite.child import names

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SETUP = """
import logging
logging.disable()
store = aofstore.open(directory, auto_aof_rewrite_percentage=0)
for n in range(2000):
    store.set(f"k:{n}", n)
store.save()
store.set("late", 1)

def paused(step="dumping", after_keys=0):
    "The pid of a child that stands still."
    _testing.child_plan(pause=step, after_keys=after_keys)
    assert store.bgsave()
    until = time.monotonic() + 20
    while _testing.child_reached() != step:
        assert time.monotonic() < until, _testing.child_reached()
        time.sleep(0.002)
    _testing.child_plan()
    return _testing.child_progress()[0]

def status():
    until = time.monotonic() + 20
    while store.info("persistence")["rdb_bgsave_in_progress"]:
        assert time.monotonic() < until
        time.sleep(0.002)
    return store.info("persistence")["rdb_last_bgsave_status"]
"""


@pytest.mark.parametrize("step", ["dumping", "early-sync", "synced", "done"])
def test_a_host_that_is_killed_during_a_save_leaves_the_last_dump_and_no_child(
    tmp_path: Path, step: str
) -> None:
    process = start(SETUP + f"print(paused({step!r}), flush=True)\nsys.stdin.read()", tmp_path)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    old = (tmp_path / "dump.rdb").read_bytes()
    left = [name for name in names(tmp_path) if name.startswith("temp-")]
    assert len(left) == 1
    process.kill()
    finish(process, -signal.SIGKILL)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "the child outlives its host"
        time.sleep(0.01)
    assert (tmp_path / "dump.rdb").read_bytes() == old
    with aofstore.open(tmp_path) as store:
        assert store.get("late") == b"1"
    assert names(tmp_path) == ["appendonlydir", "dump.rdb"]


def test_a_host_that_takes_the_status_of_any_child_loses_nothing(tmp_path: Path) -> None:
    said(
        SETUP
        + """
stop = threading.Event()
def reap():
    while not stop.is_set():
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pass
reaper = threading.Thread(target=reap, daemon=True)
reaper.start()
for n in range(10):
    paused()
    _testing.child_resume()
    assert status() == "ok"
stop.set()
reaper.join()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
paused()
_testing.child_resume()
assert status() == "ok"
assert store.info("persistence")["rdb_changes_since_last_save"] == 0
""",
        tmp_path,
    )


def test_a_ctrl_c_is_the_hosts_and_not_the_childs(tmp_path: Path) -> None:
    said(
        SETUP
        + """
os.setpgid(0, 0)
paused()
try:
    os.killpg(0, signal.SIGINT)
    time.sleep(20)
except KeyboardInterrupt:
    pass
_testing.child_resume()
assert status() == "ok"
""",
        tmp_path,
    )


def test_an_exit_during_a_save_leaves_no_child_and_no_file(tmp_path: Path) -> None:
    out = said(SETUP + "print(paused())\nstore.close()", tmp_path)
    assert not Path(f"/proc/{out}").exists()
    assert names(tmp_path) == ["appendonlydir", "dump.rdb"]


def test_nothing_of_fifty_saves_is_left(tmp_path: Path) -> None:
    said(
        SETUP
        + """
def fds():
    return len(os.listdir("/proc/self/fd"))
paused()
_testing.child_resume()
status()
before = fds()
for n in range(50):
    store.incr("n")
    pid = paused()
    if n % 3 == 0:
        os.kill(pid, signal.SIGKILL)
    _testing.child_resume()
    assert status() == ("err" if n % 3 == 0 else "ok"), n
    assert not os.path.exists(f"/proc/{pid}")
until = time.monotonic() + 10
while fds() > before:
    assert time.monotonic() < until, (fds(), before)
    time.sleep(0.01)
""",
        tmp_path,
    )
