"""The system has no process, no thread or no memory for a rewrite: an error with its cause, nothing changes,
and the next rewrite works.

The limits are real ones, not planned faults: RLIMIT_NPROC of a user who has nothing else running, a mapping
that the kernel's own account of memory does not grant twice, and a control group whose memory runs out.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.host.child import finish, run, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")

GROUPS = Path("/sys/fs/cgroup")
GUESSES = Path("/proc/sys/vm/overcommit_memory")
NOBODY_ELSE = 61_873

SETUP = """
import errno, logging
logging.disable()

def filled():
    global store
    store = aofstore.open(directory, auto_aof_rewrite_percentage=0)
    for n in range(2000):
        store.set(f"k:{n}", n)

def fails(number):
    "Rewrites that are refused with this errno; what was there is there, and writes go on."
    kept = store.dbsize()
    for begin in (store.bgrewriteaof, store.rewrite):
        try:
            begin()
        except aofstore.RewriteError as error:
            assert error.errno == number, error
            assert os.strerror(number) in str(error), error
        else:
            raise SystemExit("not refused")
    assert not left(), left()
    assert store.info("persistence")["aof_last_bgrewrite_status"] == "err"
    assert store.dbsize() == kept
    store.set("after", number)

def sound():
    report = store.rewrite()
    assert report.keys == store.dbsize(), report
    assert store.info("persistence")["aof_last_bgrewrite_status"] == "ok"
    close_and_compare(store)
"""


def test_no_process_is_left_for_the_child(tmp_path: Path) -> None:
    """First none for the thread that leads the rewrite; then one for that, and fork(2) gives EAGAIN."""
    run(
        SETUP
        + """
import resource
if os.getuid() == 0:
    # No limit of this kind holds for root.
    os.chown(directory, int(argv[1]), int(argv[1]))
    os.chdir("/")
    os.setgid(int(argv[1]))
    os.setuid(int(argv[1]))
filled()

def running():
    "Threads of this user, which is what the kernel counts."
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid == os.getuid():
                total += len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            pass
    return total

alone = running()
soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
for more in (0, 1):
    until = time.monotonic() + 20
    while running() > alone:
        # The thread that led the last rewrite is about to end.
        assert time.monotonic() < until
        time.sleep(0.002)
    resource.setrlimit(resource.RLIMIT_NPROC, (alone + more, hard))
    fails(errno.EAGAIN)
    resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
sound()
""",
        _open_to_all(tmp_path),
        NOBODY_ELSE,
    )


def _open_to_all(path: Path) -> Path:
    """A directory below, which a user without rights can reach."""
    for parent in path.parents:
        with suppress(PermissionError):
            if parent.stat().st_uid == os.getuid() and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
    path.chmod(0o755)
    below = path / "data"
    below.mkdir()
    return below


@pytest.mark.scarce
@pytest.mark.skipif(
    not GUESSES.exists() or GUESSES.read_text().strip() != "0",
    reason="the kernel is told to grant all memory, or to count it in another way",
)
def test_no_memory_is_left_for_the_child(tmp_path: Path) -> None:
    """fork(2) gives ENOMEM: a private mapping larger than all memory, never touched, cannot be had twice."""
    run(
        SETUP
        + """
import ctypes, mmap
filled()
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
with open("/proc/meminfo") as told:
    kib = {line.split()[0]: int(line.split()[1]) for line in told}
part = (kib["MemTotal:"] + kib["SwapTotal:"]) * 6 // 10 // 4 * 4096
begin = libc.mmap(None, 2 * part, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
for half in (begin, begin + part):
    assert libc.mprotect(half, part, mmap.PROT_READ | mmap.PROT_WRITE) == 0, ctypes.get_errno()
fails(errno.ENOMEM)
assert libc.munmap(begin, 2 * part) == 0
sound()
""",
        tmp_path / "data",
    )


@contextmanager
def _memory_group() -> Iterator[tuple[Path, str] | None]:
    """A control group of this test's own, with the name of its limit; None where none can be made."""
    name = f"aofstore-{uuid.uuid4().hex[:8]}"
    for above, limit in ((GROUPS / "memory", "memory.limit_in_bytes"), (GROUPS, "memory.max")):
        group = above / name
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if (group / limit).exists():
                yield group, limit
                return
        finally:
            group.rmdir()
    yield None


@pytest.mark.scarce
def test_memory_runs_out_while_the_child_lives(tmp_path: Path) -> None:
    """The kernel kills the child, since it offers itself, and not the host."""
    with _memory_group() as group:
        if group is None:
            pytest.skip("no control group for memory can be made here")
        directory, limit = group
        process = start(
            SETUP
            + """
with open(argv[1] + "/cgroup.procs", "w") as procs:
    procs.write(str(os.getpid()))
filled()
for n in range(60):
    store.set(f"large:{n}", bytes([n]) * 1_000_000)
store.flush()
_testing.child_plan(pause="dumping")
store.bgrewriteaof()
until = time.monotonic() + 20
while _testing.child_reached() != "dumping":
    assert time.monotonic() < until
    time.sleep(0.002)
pid = _testing.child_progress()[0]
# Without what the kernel keeps of files, which it would rather let go of than kill anybody.
with open(f"{argv[1]}/memory.stat") as told:
    figures = dict(line.split() for line in told)
used = int(figures["rss" if "limit" in argv[2] else "anon"])
with open(f"{argv[1]}/{argv[2]}", "w") as told:
    told.write(str(used + 20_000_000))
while os.path.exists(f"/proc/{pid}"):
    for n in range(60):
        store.setrange(f"large:{n}", 0, os.urandom(1_000_000))
    assert time.monotonic() < until, "nobody was killed"
_testing.child_plan()
_testing.child_resume()
try:
    store.wait_rewrite(20)
except aofstore.RewriteError as error:
    assert error.signal == signal.SIGKILL, error
else:
    raise SystemExit("not told")
store.set("after", 1)
with open(f"{argv[1]}/{argv[2]}", "w") as told:
    told.write("-1" if "limit" in argv[2] else "max")
sound()
""",
            tmp_path / "data",
            directory,
            limit,
        )
        finish(process)
