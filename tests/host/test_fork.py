"""A forked copy of the host cannot use the store, does it no harm, and does not hold its lock."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import aofstore
from tests.crash.layouts import newest_log
from tests.host.child import run, start

CALLS = """
def calls(store, view, session, pipe):
    yield "get", lambda: store.get("k")
    yield "set", lambda: store.set("k", "copy")
    yield "item", lambda: store["k"]
    yield "keys", lambda: store.keys()
    yield "scan_iter", lambda: list(store.scan_iter())
    yield "blpop", lambda: store.blpop("list", 1)
    yield "execute_command", lambda: store.execute_command("PING")
    yield "view", lambda: view.get("k")
    yield "with store", lambda: store.__enter__()
    yield "with session", lambda: session.__enter__()
    yield "with pipeline", lambda: pipe.__enter__()
    yield "db", lambda: store.db(1)
    yield "session", lambda: store.session()
    yield "MULTI", lambda: session.execute_command("MULTI")
    yield "EXEC", lambda: session.execute_command("EXEC")
    yield "transaction", lambda: store.transaction(lambda pipe: pipe.set("k", 2), "k")
    yield "pipeline", lambda: store.pipeline().set("k", 1).execute()
    yield "bare pipeline", lambda: store.pipeline(transaction=False).set("k", 1).execute()
    yield "filled pipeline", lambda: pipe.execute()
    yield "info", lambda: store.info()
    yield "config_get", lambda: store.config_get("hz")
    yield "config_set", lambda: store.config_set("hz", "20")
    yield "waitaof", lambda: store.execute_command("WAITAOF", 1, 0, 0)
    yield "flush", lambda: store.flush()
    yield "last_persistence_error", lambda: store.last_persistence_error

def outcomes(store, view, session, pipe):
    for name, call in calls(store, view, session, pipe):
        try:
            call()
            yield name + " worked"
        except aofstore.StoreForkedError as error:
            assert "after the fork" in str(error) or "fork" in str(error)
        except BaseException as error:
            yield f"{name} raised {error!r}"
"""

SETUP = """
store = aofstore.open(directory, appendfsync="everysec")
store.set("k", "original")
view, session, pipe = store.db(1), store.session(), store.pipeline().set("k", "copy")
session.execute_command("WATCH", "k")
"""


def test_every_call_in_a_forked_copy_raises(tmp_path: Path) -> None:
    out, _ = run(
        CALLS
        + SETUP
        + """
pid = os.fork()
if pid == 0:
    print(list(outcomes(store, view, session, pipe)), flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert store.get("k") == b"original"
store.close()
""",
        tmp_path,
    )
    assert out == "[]"


@pytest.mark.parametrize("ending", ["store.close()", "del store, view, session, pipe; gc.collect()", "pass"])
def test_a_forked_copy_that_closes_drops_or_exits_leaves_file_and_lock_alone(
    tmp_path: Path, ending: str
) -> None:
    out, _ = run(
        SETUP
        + f"""
before = os.stat(log())
pid = os.fork()
if pid == 0:
    warnings.simplefilter("error")
    {ending}
    sys.exit(7)  # through atexit and finalization
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
after = os.stat(log())
assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
probe = "import aofstore, sys; aofstore.open(sys.argv[1])"
tried = subprocess.run([sys.executable, "-c", probe, directory], capture_output=True, text=True)
assert "AofLockedError" in tried.stderr, tried.stderr
store.set("k", "later")
store.close()
print(aofstore.open(directory).get("k"))
""",
        tmp_path,
    )
    assert out == "b'later'"


def test_multiprocessing_by_fork_refuses_in_the_worker_and_goes_on_in_the_parent(tmp_path: Path) -> None:
    out, _ = run(
        SETUP
        + """
import multiprocessing
def work(queue):
    try:
        queue.put(repr(store.get("k")))
    except aofstore.StoreForkedError as error:
        queue.put("refused")
context = multiprocessing.get_context("fork")
queue = context.SimpleQueue()
worker = context.Process(target=work, args=(queue,))
worker.start()
print(queue.get())
worker.join()
print(worker.exitcode, store.incr("n"))
store.close()
""",
        tmp_path,
    )
    assert out.split() == ["refused", "0", "1"]


def test_forking_while_other_threads_hold_the_locks_hangs_nobody(tmp_path: Path) -> None:
    out, _ = run(
        CALLS
        + SETUP
        + """
store.mset({f"key:{n}": n for n in range(100_000)})
stop = threading.Event()
def busy():
    while not stop.is_set():
        store.keys("*:99999")
def talk():
    while not stop.is_set():
        try:
            session.execute_command("KEYS", "nothing")
        except aofstore.AofstoreError:
            pass
threads = [threading.Thread(target=work) for work in (busy, busy, talk)]
for thread in threads:
    thread.start()
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        wrong = list(outcomes(store, view, session, pipe))
        session.close()
        print(wrong, flush=True)
        os._exit(bool(wrong))
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
for thread in threads:
    thread.join()
store.close()
""",
        tmp_path,
    )
    assert set(out.splitlines()) == {"[]"}


def test_a_copy_opens_a_store_of_its_own(tmp_path: Path) -> None:
    out, _ = run(
        SETUP
        + """
pid = os.fork()
if pid == 0:
    try:
        aofstore.open(directory)
    except aofstore.AofLockedError as error:
        assert error.pid == os.getppid(), error.pid
    with aofstore.open(argv[1]) as other:
        other.set("k", "child")
        try:
            store.get("k")
        except aofstore.StoreForkedError:
            print("refused", flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
print(store.get("k"), aofstore.open(argv[1]).get("k"))
""",
        tmp_path / "a",
        tmp_path / "b",
    )
    assert out.splitlines() == ["refused", "b'original' b'child'"]


def test_the_lock_is_free_after_a_kill_though_copies_live_on(tmp_path: Path) -> None:
    process = start(
        SETUP
        + """
pid = os.fork()
if pid == 0:
    print(os.getpid(), flush=True)
    time.sleep(60)
    os._exit(0)
time.sleep(60)
""",
        tmp_path,
    )
    assert process.stdout is not None
    copy = int(process.stdout.readline())
    try:
        process.kill()
        process.wait()
        with aofstore.open(tmp_path) as store:
            assert store.get("k") == b"original"
    finally:
        os.kill(copy, signal.SIGKILL)
        process.communicate()


def test_a_progress_callback_that_forks_leaves_the_copy_without_a_store(tmp_path: Path) -> None:
    with aofstore.open(tmp_path) as store:
        store.set("k", "v")
    log = newest_log(tmp_path)
    log.write_bytes(log.read_bytes() + b"*2\r\n$3\r\nDEL")
    out, _ = run(
        """
children = []
def progress(report):
    pid = os.fork()
    if pid:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    children.append(pid)
try:
    store = aofstore.open(directory, on_progress=progress)
except aofstore.StoreForkedError:
    assert 0 in children
    os._exit(0)
if 0 in children:
    os._exit(1)
print(store.get("k"), store.load_report.truncations[0].dropped_bytes)
store.close()
""",
        tmp_path,
    )
    assert out == "b'v' 11"
    assert len(list(tmp_path.rglob("*.truncated-*"))) == 1
