"""The host's own children during a rewrite: statuses, SIGCHLD, zombies, asyncio, and no child that hangs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.host.child import said
from tests.host.rewriting import SETUP

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


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
