"""Descriptors and threads: none leaks, none reaches a child, and running out of them is an exception."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.crash.layouts import Layout
from tests.host.child import run, said

COUNTS = """
def counts():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
def damage():
    with open(log(), "wb") as file:
        file.write(b"*1\\r\\n$4\\r\\nWHAT\\r\\n*1\\r\\n$4\\r\\nPING\\r\\n")
"""


def test_a_child_inherits_no_descriptor_of_ours(tmp_path: Path, layout: Layout) -> None:
    out = said(
        """
import fcntl
def target(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return ""
store = aofstore.open(directory, appendfsync="always")
store.set("k", "v")
ours = [int(fd) for fd in os.listdir("/proc/self/fd") if target(fd).startswith(directory)]
assert all(fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC for fd in ours), ours
look = "import os; os.system('ls -l /proc/self/fd')"
for options in ({"close_fds": False}, {"close_fds": False, "preexec_fn": lambda: None}):
    seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, **options)
    assert directory not in seen.stdout, seen.stdout
print(len(ours))
store.close()
""",
        tmp_path / "store",
    )
    # The directory and the log, and the directory in between.
    assert int(out) == {"single-file": 2, "multi-part": 3}[layout]


def test_a_child_process_does_not_hold_the_lock(tmp_path: Path) -> None:
    said(
        """
store = aofstore.open(directory)
sleeper = subprocess.Popen(["sleep", "60"], close_fds=False)
store.close()
aofstore.open(directory).close()
sleeper.kill()
sleeper.wait()
""",
        tmp_path,
    )


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_fifty_cycles_leave_no_descriptor_and_no_thread(tmp_path: Path, policy: str) -> None:
    out = said(
        COUNTS
        + """
def cycle():
    with aofstore.open(directory, appendfsync=argv[1]) as store:
        store.incr("n")
        store.session().execute_command("WATCH", "n")
        store.pipeline().incr("n").execute()
cycle()
before = counts()
for _ in range(50):
    cycle()
gc.collect()
assert counts() == before, (counts(), before)
print(aofstore.open(directory).get("n"))
""",
        tmp_path,
        policy,
    )
    assert out == "b'102'"


def test_failed_openings_leave_no_descriptor_thread_or_lock(tmp_path: Path) -> None:
    said(
        COUNTS
        + """
def refused(kind, **settings):
    try:
        aofstore.open(directory, **settings)
    except kind:
        return
    raise SystemExit("it opened")
def stop(progress):
    raise ValueError("stop")
aofstore.open(directory).close()
before = counts()
for _ in range(10):
    with aofstore.open(directory) as holder:
        for _ in range(3):
            refused(aofstore.AofLockedError)
    damage()
    refused(aofstore.AofLoadError)
    refused(ValueError, on_progress=stop)
    refused(aofstore.ConfigError, appendfsync="sometimes")
    for call in ("open", "open_read", "read", "stat", "names", "sync_dir"):
        plan = _testing.FaultPlan()
        plan.add(call, 5, mode="fail")
        _testing.install_fault_plan(plan)
        refused(aofstore.PersistenceError)
        _testing.install_fault_plan(None)
    os.truncate(log(), 0)
    aofstore.open(directory).close()
gc.collect()
assert counts() == before, (counts(), before)
""",
        tmp_path,
    )


def test_running_out_of_descriptors_at_open_is_an_error_and_leaks_nothing(tmp_path: Path) -> None:
    out = said(
        COUNTS
        + """
import resource
aofstore.open(directory).close()
before = counts()
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
seen = []
highest = max(map(int, os.listdir("/proc/self/fd")))
for spare in range(6):
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + spare, hard))
    try:
        aofstore.open(directory).close()
        seen.append("opened")
    except aofstore.AofOpenError as error:
        assert error.errno == 24, error
        seen.append("refused")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    gc.collect()
    assert counts() == before
    aofstore.open(directory).close()
print(*seen)
""",
        tmp_path,
    )
    assert out.startswith("refused refused")
    assert out.endswith("opened")


@pytest.mark.parametrize("umask", ["0", "0o22", "0o77", "0o277", "0o777"])
def test_files_are_0600_and_directories_0700_whatever_the_umask(
    tmp_path: Path, layout: Layout, umask: str
) -> None:
    path = tmp_path / "outer" / "store"
    run(
        """
os.umask(int(argv[1], 0))
with aofstore.open(directory) as store:
    store.set("k", "v")
with open(log(), "ab") as file:
    file.write(b"*2")
aofstore.open(directory).close()
""",
        path,
        umask,
    )
    made = [path.parent, path, *path.rglob("*")]
    modes = {entry: (entry.is_dir(), stat.S_IMODE(entry.stat().st_mode)) for entry in made}
    assert len(modes) == {"single-file": 4, "multi-part": 6}[layout]
    assert set(modes.values()) == {(True, 0o700), (False, 0o600)}, modes


@pytest.mark.single_file
def test_a_file_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    log = tmp_path / "appendonly.aof"
    log.touch(0o640)
    log.chmod(0o640)
    said("aofstore.open(directory).close()", tmp_path)
    assert stat.S_IMODE(log.stat().st_mode) == 0o640
