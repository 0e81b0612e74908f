"""Closing, dropping and breaking down: from any thread, at any moment, and only the store that is meant."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.host.child import said


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_closing_under_eight_threads_lets_each_call_work_or_refuse_and_loses_no_answer(
    tmp_path: Path, policy: str
) -> None:
    rounds = 6 if policy == "always" else 15
    out = said(
        """
def hammer(store, n, told, odd):
    try:
        session = store.session()
        while True:
            told[n] = store.incr(f"n:{n}")
            told[n] = session.execute_command("INCR", f"n:{n}")
            told[n] = store.pipeline().incr(f"n:{n}").get("x").execute()[0]
            told[n] = store.pipeline(transaction=False).get("x").incr(f"n:{n}").execute()[1]
            store.keys("*"), store.db(1).get("k"), store.flush(False)
    except aofstore.StoreClosedError:
        pass
    except BaseException as error:
        odd.append(error)
told, odd = [0] * 8, []
for round in range(int(argv[2])):
    store = aofstore.open(directory, appendfsync=argv[1])
    for n in range(8):
        assert int(store.get(f"n:{n}") or 0) == told[n], (round, n, store.get(f"n:{n}"), told[n])
    threads = [threading.Thread(target=hammer, args=(store, n, told, odd)) for n in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.01 * (round % 5 + 1))
    store.close()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
assert not odd, odd
print(sum(told) > 0)
""",
        tmp_path,
        policy,
        rounds,
    )
    assert out == "True"


def test_close_wakes_every_waiter_with_an_error(tmp_path: Path) -> None:
    out = said(
        """
store = aofstore.open(directory)
seen = []
def wait(call):
    try:
        seen.append(call())
    except aofstore.StoreClosedError as error:
        seen.append("closed")
session = store.session()
calls = [
    lambda: store.blpop("l", 0), lambda: store.brpop("l", 60), lambda: store.blmove("a", "b", 0),
    lambda: store.bzpopmin("z", 0), lambda: session.execute_command("BLPOP", "l", 0),
    lambda: store.execute_command("DEBUG", "SLEEP", 60), lambda: store.execute_command("WAITAOF", 0, 1, 0),
]
threads = [threading.Thread(target=wait, args=(call,)) for call in calls]
for thread in threads:
    thread.start()
while store.info()["blocked_clients"] < len(calls):
    time.sleep(0.01)
store.close()
for thread in threads:
    thread.join(10)
print(seen == ["closed"] * len(calls) or seen)
""",
        tmp_path,
    )
    assert out == "True"


def test_waiters_are_woken_before_a_slow_sync_of_the_closing(tmp_path: Path) -> None:
    said(
        """
plan = _testing.FaultPlan()
_testing.install_fault_plan(plan)
store = aofstore.open(directory)
order = []
def wait():
    try:
        store.blpop("l", 0)
    except aofstore.StoreClosedError:
        order.append("woken")
thread = threading.Thread(target=wait)
thread.start()
while store.info()["blocked_clients"] == 0:
    time.sleep(0.01)
store.set("k", "v")
plan.add("sync", 0, mode="delay", delay_ms=700)
store.close()
order.append("closed")
thread.join()
assert order == ["woken", "closed"], order
""",
        tmp_path,
    )


def test_every_call_after_close_says_so(store: aofstore.Store[bytes]) -> None:
    session, pipe, view = store.session(), store.pipeline().set("k", 1), store.db(1)
    store.close()
    for call in (
        lambda: store.get("k"),
        lambda: store.db(1),
        store.session,
        store.info,
        store.flush,
        lambda: list(store.scan_iter()),
        lambda: store.transaction(lambda pipe: None, "k"),
        lambda: session.execute_command("PING"),
        pipe.execute,
        lambda: view.get("k"),
        store.__enter__,
        view.__enter__,
        session.__enter__,
        pipe.__enter__,
    ):
        with pytest.raises(aofstore.StoreClosedError):
            call()
    store.close()
    session.close()
    assert store.closed
    assert store.last_persistence_error is None


def test_dropping_the_last_reference_releases_the_lock_and_the_threads(tmp_path: Path) -> None:
    said(
        """
threads = len(os.listdir("/proc/self/task"))
def opened():
    store = aofstore.open(directory)
    store.set("k", "v")
    return store
for cyclic in (False, True):
    store = opened()
    if cyclic:
        holder = {"store": store}
        holder["self"] = holder
        del holder
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del store
        gc.collect()
    assert [warning.category for warning in caught] == [ResourceWarning], caught
    assert len(os.listdir("/proc/self/task")) == threads
aofstore.open(directory).close()
""",
        tmp_path,
    )


def test_views_sessions_and_pipelines_keep_the_store_open(open_store: OpenStore, tmp_path: Path) -> None:
    for part in ("db", "session", "pipeline", "method"):
        store: aofstore.Store[bytes] = aofstore.open(tmp_path / part)
        kept = {
            "db": lambda store=store: store.db(1),
            "session": lambda store=store: store.session(),
            "pipeline": lambda store=store: store.pipeline(),
            "method": lambda store=store: store.get,
        }[part]()
        engine = store._lifetime.engine
        del store
        gc.collect()
        assert not engine.closed, part
        with pytest.warns(ResourceWarning, match="unclosed"):
            del kept
        assert engine.closed, part


def test_a_closed_store_gives_its_memory_back_while_it_is_still_referred_to(tmp_path: Path) -> None:
    said(
        """
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before = resident()
store = aofstore.open(None)
for n in range(100):
    store.set(f"k{n}", b"x" * 1_000_000)
assert resident() - before > 80_000_000
store.close()
assert resident() - before < 40_000_000
""",
        tmp_path,
    )


def test_a_defect_of_ours_latches_its_store_wakes_who_waits_and_leaves_others_alone(tmp_path: Path) -> None:
    out = said(
        """
other = aofstore.open(argv[1])
store = aofstore.open(directory, appendfsync="always")
store.set("k", "v")
seen = []
def wait():
    try:
        store.blpop("l", 0)
    except aofstore.InternalError as error:
        seen.append(str(error))
thread = threading.Thread(target=wait)
thread.start()
while store.info()["blocked_clients"] == 0:
    time.sleep(0.01)
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the panic is told there
for call in (
    lambda: _testing.panic_inside(store._lifetime.engine),
    lambda: store.get("k"),
    lambda: store.set("k", "w"),
    lambda: store.pipeline().get("k").execute(),
    lambda: store.session().execute_command("PING"),
):
    try:
        call()
    except aofstore.InternalError as error:
        seen.append(str(error))
thread.join(10)
assert len(seen) == 6 and all("a panic on purpose" in text for text in seen), seen
assert other.incr("n") == 1
store.close()
other.close()
print(aofstore.open(directory).get("k"))
""",
        tmp_path / "a",
        tmp_path / "b",
    )
    assert out == "b'v'"
