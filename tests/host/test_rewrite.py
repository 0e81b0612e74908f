"""A rewrite forks the host, and the host notices nothing: a test a fact of its manners.

Each runs in a process of its own. The child is told where to stand still, so that the host can be looked at
while it lives.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

import aofstore
from tests.crash.layouts import STEPS, Layout, strangers
from tests.host.child import run, said, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SETUP = """
import logging
logging.disable()
store = aofstore.open(directory, auto_aof_rewrite_percentage=0)
for n in range(2000):
    store.set(f"k:{n}", "v" * 50)
for n in range(2000):
    store.set(f"k:{n}", n)

def rewrite(background=True):
    return aofstore.types.RewriteReport(*store._lifetime.engine.rewrite(background, 60))

def wait():
    return aofstore.types.RewriteReport(*store._lifetime.engine.wait_rewrite(20))

def await_step(step):
    until = time.monotonic() + 20
    while _testing.child_reached() != step:
        assert time.monotonic() < until, _testing.child_reached()
        time.sleep(0.002)

def paused(step="dumping", after_keys=0):
    "The pid of a child that stands still."
    _testing.child_plan(pause=step, after_keys=after_keys)
    assert store._lifetime.engine.begin_rewrite() == "started"
    await_step(step)
    _testing.child_plan()
    return _testing.child_progress()[0]

def resumed():
    _testing.child_resume()
    report = wait()
    assert report.keys >= 2000, report

LATE = "draining" if "draining" in STEPS else "synced"

def children():
    found = []
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/children") as pids:
                found += map(int, pids.read().split())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found

def sound():
    "That the next rewrite works, nothing is left behind, and what is in the log is what is in memory."
    assert rewrite().keys >= 2000
    assert children() == [], children()
    kept = {key: store.get(key) for key in store.keys("*")}
    store.close()
    assert not left(), left()
    with aofstore.open(directory) as again:
        assert {key: again.get(key) for key in again.keys("*")} == kept
"""


def test_1_a_host_that_waits_for_any_child_takes_the_status_and_nothing_is_lost(tmp_path: Path) -> None:
    said(
        SETUP
        + """
taken, stop = [], threading.Event()
def reap():
    while not stop.is_set():
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            continue
        if pid:
            taken.append((pid, status))
reaper = threading.Thread(target=reap, daemon=True)
reaper.start()
until = time.monotonic() + 50
for n in range(1000):
    store.incr("n")
    pid = paused()
    store.incr("n")
    resumed()
    # Whoever is first has it: the reaper shall have been, at least once.
    if n >= 9 and taken or time.monotonic() > until:
        break
stop.set()
reaper.join()
assert taken and all(status == 0 for pid, status in taken), taken
sound()
""",
        tmp_path,
    )


def test_2_a_host_that_ignores_sigchld_has_its_rewrites_and_keeps_ignoring(tmp_path: Path) -> None:
    said(
        SETUP
        + """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for n in range(3):
    paused()
    store.incr("n")
    resumed()
pid = paused()
os.kill(pid, signal.SIGKILL)
try:
    print(wait())
except aofstore.RewriteError:
    pass
assert signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
assert not os.path.exists(f"/proc/{pid}")
sound()
""",
        tmp_path,
    )


def test_3_the_statuses_of_the_hosts_own_children_stay_the_hosts(tmp_path: Path) -> None:
    said(
        SETUP
        + """
stop, odd = threading.Event(), []
def spawn():
    while not stop.is_set():
        for status in (0, 3):
            if (got := subprocess.run(["sh", "-c", f"exit {status}"]).returncode) != status:
                odd.append(got)
        pid = os.spawnlp(os.P_NOWAIT, "true", "true")
        if os.waitpid(pid, 0) != (pid, 0):
            odd.append(pid)
threads = [threading.Thread(target=spawn, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
for n in range(20):
    assert rewrite().keys == 2000
stop.set()
for thread in threads:
    thread.join()
assert not odd, odd
sound()
""",
        tmp_path,
    )


def test_4_asyncio_waits_for_its_own_processes_undisturbed(tmp_path: Path) -> None:
    said(
        SETUP
        + """
import asyncio
async def one(status):
    command = f"echo {status}; exit {status}"
    process = await asyncio.create_subprocess_exec("sh", "-c", command, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    return int(out), process.returncode
async def main():
    loop = asyncio.get_running_loop()
    rewriting = loop.run_in_executor(None, lambda: [rewrite().keys for _ in range(10)])
    for _ in range(5):
        assert await asyncio.gather(*map(one, range(6))) == [(n, n) for n in range(6)]
    assert await rewriting == [2000] * 10
asyncio.run(main())
sound()
""",
        tmp_path,
    )


def test_5_the_thread_that_asked_may_end_and_the_rewrite_goes_on(tmp_path: Path) -> None:
    said(
        SETUP
        + """
asked = threading.Thread(target=paused)
asked.start()
asked.join()
time.sleep(0.2)
pid = _testing.child_progress()[0]
assert os.path.exists(f"/proc/{pid}/fd")
resumed()
sound()
""",
        tmp_path,
    )


def test_6_a_socket_of_the_host_is_free_as_soon_as_the_host_lets_go_of_it(tmp_path: Path) -> None:
    said(
        SETUP
        + """
import socket
listening = socket.create_server(("127.0.0.1", 0), reuse_port=False)
address = listening.getsockname()
client = socket.create_connection(address)
served, _ = listening.accept()
paused()
served.close()
assert client.recv(1) == b"", "the connection ends though the child lives"
client.close()
listening.close()
again = socket.socket()
again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
again.bind(address)
again.listen()
resumed()
sound()
""",
        tmp_path,
    )


def test_7_pipes_files_and_locks_of_the_host_are_not_held_by_the_child(tmp_path: Path) -> None:
    said(
        SETUP
        + """
import fcntl
out, into = os.pipe()
locked = open(os.path.join(directory, "..", "locked"), "w")
fcntl.flock(locked, fcntl.LOCK_EX)
pid = paused()
links = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
pipes = {"single-file": 4, "multi-part": 1}[LAYOUT]
assert sum(link.startswith("pipe:") for link in links) == pipes, links
names = sorted(os.path.basename(link) for link in links if not link.startswith("pipe:"))
assert all(name.startswith("temp-rewriteaof") or "(deleted)" in name for name in names), names
os.close(into)
assert os.read(out, 1) == b""
locked.close()
with open(os.path.join(directory, "..", "locked")) as again:
    fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
resumed()
sound()
""",
        tmp_path / "data",
    )


def test_8_a_killed_host_takes_the_child_along_and_frees_the_lock_at_once(
    tmp_path: Path, layout: Layout
) -> None:
    for step in {"dumping", "draining", "waiting", "synced"}.intersection(STEPS[layout]):
        _kill_at(step, tmp_path / step, layout)


def _kill_at(step: str, place: Path, layout: Layout) -> None:
    host = start(
        SETUP
        + f"""
store.incr("n")
print(paused("{step}"), flush=True)
store.incr("n")
print("ready", flush=True)
time.sleep(60)
""",
        place,
    )
    assert host.stdout is not None
    pid = int(host.stdout.readline())
    assert host.stdout.readline() == "ready\n"
    host.kill()
    host.communicate()
    # At once, whether the child has noticed or not.
    with aofstore.open(place) as store:
        assert store.get("n") == b"2"
        assert store.dbsize() == 2001
    assert strangers(place, layout) == []
    _await_death(pid)


def test_9_no_handler_of_the_host_runs_in_the_child(tmp_path: Path) -> None:
    said(
        SETUP
        + """
ran = os.path.join(directory, "..", "ran")
def handler(number, frame):
    open(ran, "a").write(f"{number} in {os.getpid()}\\n")
for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGALRM):
    signal.signal(number, handler)
out, into = os.pipe()
os.set_blocking(into, False), os.set_blocking(out, False)
signal.set_wakeup_fd(into)
pid = paused()
with open(f"/proc/{pid}/status") as status:
    fields = dict(line.split(":", 1) for line in status)
sets = {name: int(fields[name], 16) for name in ("SigCgt", "SigBlk", "SigIgn")}
assert sets["SigCgt"] == sets["SigBlk"] == 0, sets
ignored = {number for number in range(1, 65) if sets["SigIgn"] >> number - 1 & 1}
assert {signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ} <= ignored, ignored
assert not {signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD, signal.SIGALRM} & ignored, ignored
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
os.kill(pid, signal.SIGUSR1)
try:
    print(wait())
except aofstore.RewriteError as error:
    assert error.signal == signal.SIGUSR1, error
assert not os.path.exists(ran), open(ran).read()
try:
    print(os.read(out, 10))
except BlockingIOError:
    pass
signal.set_wakeup_fd(-1)
sound()
""",
        tmp_path / "data",
    )


def test_10_a_ctrl_c_reaches_the_host_alone(tmp_path: Path) -> None:
    host = start(
        SETUP
        + """
paused()
try:
    print("ready", flush=True)
    while True:
        time.sleep(0.01)  # one long sleep would sleep on if the signal came just before it
except KeyboardInterrupt:
    resumed()
    sound()
    print("whole")
""",
        tmp_path,
    )
    assert host.stdout is not None
    assert host.stdout.readline() == "ready\n"
    # What a terminal does: to every process that has it.
    children = Path(f"/proc/{host.pid}/task").glob("*/children")
    pids = [int(pid) for file in children for pid in file.read_text().split()]
    assert len(pids) == 1
    for pid in [*pids, host.pid]:
        os.kill(pid, signal.SIGINT)
    out, err = host.communicate(timeout=60)
    assert (out, host.returncode) == ("whole\n", 0), err


def _await_death(pid: int) -> None:
    """Of a process whose parent is dead: whoever inherits it may be slow to take its status."""
    until = time.monotonic() + 5
    while True:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        if "zombie" in status:
            return
        assert time.monotonic() < until, status
        time.sleep(0.01)


@pytest.mark.slow
def test_11_eight_threads_allocate_during_a_hundred_rewrites_and_no_child_hangs(tmp_path: Path) -> None:
    _allocate(tmp_path, 100)


def test_11_eight_threads_allocate_during_ten_rewrites_and_no_child_hangs(tmp_path: Path) -> None:
    _allocate(tmp_path, 10)


def _allocate(tmp_path: Path, rewrites: int) -> None:
    said(
        SETUP
        + """
sys.setswitchinterval(0.001)
stop = threading.Event()
def allocate(n):
    while not stop.is_set():
        kept = [bytearray(1 << (n + size) % 18) for size in range(200)]
        # Reads, since writes that never pause have the child drain for a whole second (P-11).
        store.mget(f"k:{size}" for size in range(200))
threads = [threading.Thread(target=allocate, args=(n,), daemon=True) for n in range(8)]
for thread in threads:
    thread.start()
for n in range(int(argv[1])):
    store.set("big", b"x" * (1 << n % 20))
    assert rewrite().keys == 2001
stop.set()
for thread in threads:
    thread.join()
sound()
""",
        tmp_path,
        rewrites,
    )


def test_12_no_zombie_no_thread_and_no_descriptor_is_left_by_rewrites_good_and_bad(tmp_path: Path) -> None:
    said(
        SETUP
        + """
def count():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
def settled(before):
    "The thread that led a rewrite ends a moment after the rewrite."
    until = time.monotonic() + 5
    while count() != before and time.monotonic() < until:
        time.sleep(0.01)
    return count()
before = count()
for step in STEPS:
    bad = {"fail": step, "errno": 28}, {"kill": step}, {"exit": step, "status": 9}, {"refuse": 11}
    for plan in ({}, *bad):
        _testing.child_plan(**plan)
        try:
            rewrite()
            assert not plan, plan
        except aofstore.RewriteError as error:
            assert plan, error
            known = {error.errno, error.signal, error.exit_code}
            assert known & {28, signal.SIGKILL, 9, 11, 1}, (plan, error, known)
        assert children() == []
        assert settled(before) == before, (before, count(), plan)
_testing.child_plan()
sound()
""",
        tmp_path,
    )


def test_13_closing_ends_the_rewrite_and_leaves_no_child_and_no_file(tmp_path: Path) -> None:
    said(
        SETUP
        + """
for step in {"dumping", "draining", "waiting", "synced"}.intersection(STEPS):
    pid = paused(step)
    began = time.monotonic()
    store.close()
    assert time.monotonic() - began < 5
    assert children() == [] and not os.path.exists(f"/proc/{pid}")
    assert not left(), left()
    store = aofstore.open(directory)
    assert store.dbsize() == 2000
sound()
""",
        tmp_path,
    )


def test_14_nothing_that_the_host_has_buffered_or_registered_happens_twice(tmp_path: Path) -> None:
    out, err = run(
        SETUP
        + """
import atexit
atexit.register(lambda: print("at exit", flush=True))
for when in ("before", "after_in_parent", "after_in_child"):
    os.register_at_fork(**{when: lambda when=when: print("at fork", when)})
warnings.simplefilter("error")
sys.stdout.reconfigure(line_buffering=False, write_through=False)
sys.stdout.write("buffered\\n")
for step in (None, "dumping", "synced"):
    _testing.child_plan(panic=step)
    try:
        rewrite()
    except aofstore.RewriteError as error:
        assert error.exit_code == 102, error
_testing.child_plan()
sound()
""",
        tmp_path,
    )
    assert out == "buffered\nat exit"
    assert "panic" not in err
    assert "Deprecation" not in err


def test_15_handlers_dispositions_and_masks_are_as_before(tmp_path: Path) -> None:
    said(
        SETUP
        + """
def state():
    with open("/proc/self/status") as status:
        return (
            [line for line in status if line.startswith(("SigBlk", "SigIgn", "SigCgt"))],
            [repr(signal.getsignal(number)) for number in range(1, signal.NSIG)],
            signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        )
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
signal.signal(signal.SIGUSR1, lambda *_: None)
before = state()
rewrite()
assert state() == before
rewrite(background=False)
assert state() == before
pid = paused()
assert state() == before
resumed()
assert state() == before
sound()
""",
        tmp_path,
    )


def test_16_the_child_says_what_it_is_and_goes_first_when_memory_runs_out(tmp_path: Path) -> None:
    said(
        SETUP
        + """
mine = open("/proc/self/oom_score_adj").read()
pid = paused()
assert open(f"/proc/{pid}/comm").read() == "aofstore-rewrit\\n"
assert int(open(f"/proc/{pid}/oom_score_adj").read()) == max(800, int(mine))
assert open("/proc/self/oom_score_adj").read() == mine
assert open(f"/proc/{os.getpid()}/comm").read() != "aofstore-rewrit\\n"
resumed()
sound()
""",
        tmp_path,
    )


@pytest.mark.parametrize(
    "ending", ["os._exit(0)", "sys.exit(0)", "store.close(); os._exit(0)", "del store; os._exit(0)"]
)
def test_17_a_forked_copy_of_the_host_refuses_and_harms_neither_child_nor_file(
    tmp_path: Path, ending: str
) -> None:
    said(
        SETUP
        + f"""
pid = paused(LATE)
copy = os.fork()
if copy == 0:
    for call in (store._lifetime.engine.begin_rewrite, rewrite, wait, lambda: store.set("k", 1)):
        try:
            call()
            os._exit(1)
        except aofstore.StoreForkedError:
            pass
    {ending}
assert os.waitpid(copy, 0)[1] == 0
store.incr("n")
resumed()
sound()
""",
        tmp_path,
    )


def test_18_a_worker_forked_during_a_rewrite_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    said(
        SETUP
        + """
import multiprocessing
context = multiprocessing.get_context("fork")
release = context.Event()
pid = paused(LATE)
worker = context.Process(target=release.wait, args=(60,))
worker.start()
store.incr("n")
began = time.monotonic()
resumed()
assert time.monotonic() - began < 5
assert rewrite().keys == 2001
release.set()
worker.join()
assert worker.exitcode == 0
sound()
""",
        tmp_path,
    )


def test_19_a_program_started_during_a_rewrite_inherits_nothing_of_it(tmp_path: Path) -> None:
    said(
        SETUP
        + """
paused()
look = "exec ls -l /proc/self/fd"
seen = subprocess.run(look, shell=True, close_fds=False, capture_output=True, text=True, check=True).stdout
opened = {int(line.split()[-3]): line.split()[-1] for line in seen.splitlines() if "->" in line}
assert {fd for fd in opened if fd > 2 and not opened[fd].startswith("/proc/")} == set(), opened
resumed()
sound()
""",
        tmp_path,
    )


@pytest.mark.parametrize("ending", ["sys.exit(0)", "os._exit(0)", "pass"])
def test_20_a_host_that_ends_during_a_rewrite_ends_at_once_and_loses_nothing(
    tmp_path: Path, layout: Layout, ending: str
) -> None:
    out, _ = run(
        SETUP
        + f"""
print(paused("dumping"))
store.incr("n")
{ending}
""",
        tmp_path,
    )
    _await_death(int(out))
    with aofstore.open(tmp_path) as store:
        assert store.get("n") == b"1"
        assert store.dbsize() == 2001
    assert strangers(tmp_path, layout) == []


def test_red_control_a_plain_fork_has_none_of_these_manners(tmp_path: Path) -> None:
    out, _ = run(
        """
import atexit, socket
atexit.register(lambda: print("at exit"))
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
listening = socket.create_server(("127.0.0.1", 0))
address = listening.getsockname()
out, into = os.pipe()
hold = os.pipe()
sys.stdout.reconfigure(write_through=False)
sys.stdout.write("buffered ")
pid = os.fork()
if pid == 0:
    os.close(hold[1])
    os.read(hold[0], 1)
    sys.exit(0)
listening.close()
again = socket.socket()
again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    again.bind(address)
    again.listen()
    raise AssertionError("the socket was free")
except OSError:
    pass
os.close(into)
os.set_blocking(out, False)
try:
    raise AssertionError(os.read(out, 1))
except BlockingIOError:
    pass
with open(f"/proc/{pid}/status") as status:
    fields = dict(line.split(":", 1) for line in status)
assert int(fields["SigCgt"], 16) >> signal.SIGUSR1 - 1 & 1
assert len(os.listdir(f"/proc/{pid}/fd")) > 6
os.close(hold[1])
assert os.waitpid(-1, 0) == (pid, 0)
""",
        tmp_path,
    )
    assert out.split() == ["buffered", "at", "exit"] * 2
