"""Signals and children belong to the host: no handler, disposition, mask or exit status of its is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.host.child import finish, said, start

STATE = """
def state():
    seen = {"handlers": [(n, repr(signal.getsignal(n))) for n in range(1, signal.NSIG)]}
    seen["main"] = sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    def look():
        seen["thread"] = sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    with open("/proc/self/status") as status:
        seen["kernel"] = [line for line in status if line.startswith(("SigBlk", "SigIgn", "SigCgt"))]
    seen["wakeup"] = signal.set_wakeup_fd(-1)
    return seen
def work(store):
    for n in range(100):
        store.incr("n")
    store.pipeline().set("a", 1).execute()
    store.flush()
    store.blpop("none", 0.05)
"""


def test_importing_changes_no_handler_no_disposition_and_no_mask() -> None:
    code = (
        "import signal, threading\n" + STATE + "before = state()\nimport aofstore\nassert state() == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_opening_working_and_closing_change_no_handler_no_disposition_and_no_mask(tmp_path: Path) -> None:
    said(
        STATE
        + """
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
before = state()
for policy in ("always", "everysec", "no"):
    store = aofstore.open(directory, appendfsync=policy)
    assert state() == before
    work(store)
    assert state() == before
    store.close()
    assert state() == before
""",
        tmp_path,
    )


def test_our_threads_block_every_signal_and_the_main_thread_handles_it(tmp_path: Path) -> None:
    out = said(
        """
before = set(os.listdir("/proc/self/task"))
store = aofstore.open(directory)
ours = set(os.listdir("/proc/self/task")) - before
unblockable = {signal.SIGKILL, signal.SIGSTOP}
for thread in ours:
    with open(f"/proc/self/task/{thread}/status") as status:
        blocked = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk"))
    free = {n for n in range(1, signal.NSIG) if not blocked >> (n - 1) & 1}
    assert free - unblockable <= {32, 33}, free  # glibc keeps two for itself
handled = []
main = threading.main_thread()
signal.signal(signal.SIGTERM, lambda *_: handled.append(threading.current_thread() is main))
for _ in range(50):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.001)
print(len(ours), set(handled), len(handled) > 0)
store.close()
""",
        tmp_path,
    )
    assert out == "2 {True} True"


def test_sigterm_by_default_ends_the_host_at_once(tmp_path: Path) -> None:
    process = start(
        """
store = aofstore.open(directory)
print(store.set("k", "v"), flush=True)
store.blpop("never", 0)
""",
        tmp_path,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    process.terminate()
    finish(process, -15)


def test_no_exit_status_of_a_child_is_stolen(tmp_path: Path) -> None:
    out = said(
        """
def child(status):
    return subprocess.Popen([sys.executable, "-S", "-c", f"raise SystemExit({status})"])
seen = []
first = child(3)
store = aofstore.open(directory, appendfsync="always")
second = child(4)
time.sleep(0.3)
store.set("k", "v")
store.close()
seen += [first.wait(), second.wait()]
with aofstore.open(directory) as store:
    children = [child(5) for _ in range(3)]  # kept: subprocess reaps those that nobody holds
    expected = {one.pid for one in children}
    reaped = set()
    while expected - reaped:
        store.incr("n")
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            reaped.add(pid)
            seen.append(os.waitstatus_to_exitcode(status))
    for one in children:
        one.returncode = 5
try:
    os.wait()
except ChildProcessError:
    seen.append("none left")
print(*seen)
""",
        tmp_path,
    )
    assert out == "3 4 5 5 5 none left"


def test_children_ignored_by_the_host_do_not_matter(tmp_path: Path) -> None:
    said(
        """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
with aofstore.open(directory, appendfsync="always") as store:
    store.set("k", "v")
    store.flush()
assert signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
""",
        tmp_path,
    )


def test_a_handler_may_use_and_close_the_store(tmp_path: Path) -> None:
    out = said(
        """
store = aofstore.open(directory, appendfsync="always")
def handler(*_):
    store.incr("handled")
    if store.get("handled") == b"50":
        store.close()
signal.signal(signal.SIGALRM, handler)
try:
    while True:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        store.incr("n")
        store.blpop("none", 0.001)
        store.pipeline().incr("m").execute()
        store.flush()
except aofstore.StoreClosedError:
    pass
store.close()
with aofstore.open(directory) as store:
    print(store.get("handled"))
""",
        tmp_path,
    )
    assert out == "b'50'"


def test_a_handler_that_closes_while_the_store_is_being_closed_does_not_hang(tmp_path: Path) -> None:
    said(
        """
plan = _testing.FaultPlan()
_testing.install_fault_plan(plan)
store = aofstore.open(directory)
store.set("k", "v")
plan.add("sync", 0, mode="delay", delay_ms=300, sticky=True)
signal.signal(signal.SIGALRM, lambda *_: store.close())
signal.setitimer(signal.ITIMER_REAL, 0.1)
store.close()
_testing.install_fault_plan(None)
aofstore.open(directory).close()
""",
        tmp_path,
    )
