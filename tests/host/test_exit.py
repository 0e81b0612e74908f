"""However the host ends, nothing acknowledged is lost, and the store neither delays nor disturbs the end."""

from __future__ import annotations

from pathlib import Path

import pytest

import aofstore
from tests.host.child import run, said

POLICIES = ("always", "everysec", "no")
WRITE = """
store = aofstore.open(directory, appendfsync=argv[1])
store.mset({f"key:{n}": n for n in range(1000)})
store.rpush("list", *range(100))
"""


def whole(path: Path) -> bool:
    with aofstore.open(path) as store:
        return store.dbsize() == 1001 and store.llen("list") == 100 and not store.load_report.truncations


@pytest.mark.parametrize("policy", POLICIES)
def test_an_unclosed_store_at_exit_warns_and_loses_nothing(tmp_path: Path, policy: str) -> None:
    _, err = run("warnings.simplefilter('always', ResourceWarning)" + WRITE, tmp_path, policy)
    assert "ResourceWarning: unclosed aofstore store" in err
    assert str(tmp_path) in err
    assert err.count("unclosed aofstore") == 1
    assert whole(tmp_path)


def test_the_warning_is_silent_by_default_and_a_closed_store_gives_none(tmp_path: Path) -> None:
    assert run(WRITE, tmp_path, "no") == ("", "")
    assert run("warnings.simplefilter('always')" + WRITE + "store.close()", tmp_path, "no") == ("", "")


def test_a_warning_made_an_error_still_closes_the_store(tmp_path: Path) -> None:
    _, err = run("warnings.simplefilter('error', ResourceWarning)" + WRITE, tmp_path, "no")
    assert "ResourceWarning: unclosed aofstore store" in err
    assert whole(tmp_path)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("end", ["os._exit(9)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()"])
def test_an_abrupt_end_loses_nothing_acknowledged(tmp_path: Path, policy: str, end: str) -> None:
    status = {"os._": 9, "os.k": -9, "os.a": -6}[end[:4]]
    run(WRITE + end, tmp_path, policy, status=status)
    assert whole(tmp_path)


@pytest.mark.parametrize("end", ["sys.exit(3)", "raise ValueError('mine')", "1 / 0"])
def test_an_exit_by_exception_loses_nothing(tmp_path: Path, end: str) -> None:
    run(WRITE + end, tmp_path, "no", status=3 if "exit" in end else 1)
    assert whole(tmp_path)


def test_exit_flushes_what_was_postponed(tmp_path: Path) -> None:
    out = said(
        """
plan = _testing.FaultPlan()
plan.record(True)
_testing.install_fault_plan(plan)
store = aofstore.open(directory, appendfsync="no")
store.set("k", "v")
import atexit
atexit.register(print, "last", flush=True)
def account():
    print([call for call, *_ in plan.made() if call in ("write", "sync", "unlock")], flush=True)
aofstore.lifetime.atexit.unregister(aofstore.lifetime._close_all)
atexit.register(account)
atexit.register(aofstore.lifetime._close_all)
""",
        tmp_path,
    )
    assert out.splitlines() == ["['write', 'sync', 'unlock']", "last"]


def test_daemon_threads_that_use_the_store_at_exit_neither_crash_nor_hang(tmp_path: Path) -> None:
    code = """
store = aofstore.open(directory, appendfsync=argv[1])
def hammer(n):
    session = store.session()
    while True:
        store.incr(f"n:{n}")
        store.pipeline().lpush("list", n).ltrim("list", 0, 9).execute()
        session.execute_command("GET", "k")
        store.keys("*")
def wait():
    store.blpop("never", 0)
def flush():
    while True:
        store.flush()
works = [lambda n=n: hammer(n) for n in range(4)] + [wait, wait, flush]
for work in works:
    def quiet(work=work):
        try:
            work()
        except aofstore.StoreClosedError:
            pass
    threading.Thread(target=quiet, daemon=True).start()
time.sleep(float(argv[2]))
"""
    for round_ in range(9):
        run(code, tmp_path, POLICIES[round_ % 3], 0.05 + 0.02 * round_)
        with aofstore.open(tmp_path) as store:
            assert store.exists("n:0")


def test_a_daemon_thread_without_a_try_is_no_crash_either(tmp_path: Path) -> None:
    run(
        """
store = aofstore.open(directory)
threading.excepthook = lambda args: None
for _ in range(4):
    threading.Thread(target=lambda: [store.incr("n") for _ in iter(int, 1)], daemon=True).start()
time.sleep(0.1)
""",
        tmp_path,
    )


def test_sys_exit_in_a_thread_ends_the_thread_only(tmp_path: Path) -> None:
    out = said(
        """
with aofstore.open(directory) as store:
    def work():
        store.set("k", "v")
        sys.exit(5)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(store.get("k"))
""",
        tmp_path,
    )
    assert out == "b'v'"


def test_other_exit_functions_may_use_the_store_if_they_were_registered_later(tmp_path: Path) -> None:
    said(
        """
import atexit
store = aofstore.open(directory)
atexit.register(lambda: (store.set("k", "at exit"), store.close()))
""",
        tmp_path,
    )
    with aofstore.open(tmp_path) as store:
        assert store.get("k") == b"at exit"
