"""Rewrites of a multi-part log: what is on the disk at every step, and after every fault."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import aofstore
from aofstore._core import _testing
from tests.conftest import OpenStore
from tests.rewrite import child

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.xdist_group("children"),
]

MANIFEST = "appendonly.aof.manifest"
STEPS = ("dumping", "early-sync", "synced")


def base(seq: int) -> str:
    return f"appendonly.aof.{seq}.base.aof"


def incr(seq: int) -> str:
    return f"appendonly.aof.{seq}.incr.aof"


@pytest.fixture
def parts(data: Path) -> Path:
    return data / "appendonlydir"


@pytest.fixture
def multi(open_store: OpenStore) -> OpenStore:
    def opener(directory: Path | None = None, **options: Any) -> aofstore.Store[bytes]:
        return open_store(directory, aof_layout="multi-part", **options)

    return opener


def listed(parts: Path) -> list[tuple[str, str]]:
    """Names and types, as the manifest has them."""
    lines = (parts / MANIFEST).read_text().splitlines()
    return [(line.split()[1], line.split()[5]) for line in lines]


def tidy(parts: Path) -> bool:
    """Nothing is in the directory but what the manifest lists as data."""
    names = {name for name, kind in listed(parts) if kind != "h"}
    return len(listed(parts)) == len(names) and set(child.names(parts)) == names | {MANIFEST}


@contextmanager
def faults() -> Iterator[Any]:
    """What is opened inside the block fails as told; the plan, with nothing planned at first."""
    plan = _testing.FaultPlan()
    _testing.install_fault_plan(plan)
    try:
        yield plan
    finally:
        _testing.install_fault_plan(None)
        plan.clear()


def copied(data: Path, to: Path) -> Path:
    """The directory as it is at this moment."""
    for path in data.rglob("*"):
        target = to / path.relative_to(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            target.write_bytes(path.read_bytes())
    return to


@pytest.mark.parametrize("background", [True, False])
def test_a_rewrite_makes_a_base_and_goes_on_in_the_next_increment(
    multi: OpenStore, parts: Path, background: bool
) -> None:
    store = multi()
    for number in range(300):
        store.rpush("list", number)
        store.incr("n")
        store.db(7).hset("h", "f", number)
    before = (parts / incr(1)).stat().st_size
    report = child.rewrite(store, background)
    assert (report.bytes_before, report.keys) == (before, 3)
    assert listed(parts) == [(base(1), "b"), (incr(2), "i")] and tidy(parts)
    assert (parts / base(1)).stat().st_size == report.bytes_after < before / 5
    info = store.info("persistence")
    assert info["aof_base_size"] == info["aof_current_size"] == report.bytes_after
    store.incr("n")
    assert (parts / incr(2)).read_bytes().startswith(b"*2\r\n$6\r\nSELECT")
    assert child.figure(store, "aof_current_size") == sum(
        (parts / name).stat().st_size for name, _ in listed(parts)
    )
    store.close()
    store = multi()
    assert (store.get("n"), store.llen("list"), store.db(7).hget("h", "f")) == (b"301", 300, b"299")
    assert child.figure(store, "aof_base_size") == report.bytes_after


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
@pytest.mark.parametrize("step", STEPS)
def test_at_every_step_the_files_hold_all_that_was_acknowledged(
    multi: OpenStore, data: Path, tmp_path: Path, step: str, policy: str
) -> None:
    store = multi(appendfsync=policy)
    for turn in range(3):
        store.incr("n")
        store.rpush("l", turn)
        child.begin(store, pause=step)
        child.reached(step)
        for db in (3, 0):
            store.db(db).incr("n")
            store.db(db).rpush("l", "during")
        with multi(copied(data, tmp_path / f"{turn}")) as copy:
            assert copy.get("n") == store.get("n")
            assert copy.lrange("l", 0, -1) == store.lrange("l", 0, -1)
            assert copy.db(3).get("n") == store.db(3).get("n")
        child.resume()
        child.wait(store)
        with multi(copied(data, tmp_path / f"{turn} done")) as copy:
            assert copy.lrange("l", 0, -1) == store.lrange("l", 0, -1)
            assert copy.db(3).lrange("l", 0, -1) == store.db(3).lrange("l", 0, -1)


@pytest.mark.parametrize("plan", [{"kill": "dumping"}, {"fail": "early-sync"}, {"exit": "dumping"}])
def test_a_rewrite_that_failed_leaves_one_increment_more_and_never_a_second(
    multi: OpenStore, parts: Path, plan: dict[str, Any]
) -> None:
    store = multi()
    store.set("a", 1)
    for turn in range(3):
        child.begin(store, **plan)
        with pytest.raises(aofstore.RewriteError):
            child.wait(store)
        live = [name for name, kind in listed(parts) if kind != "h"]
        assert live == [incr(1), incr(2)]
        assert child.figure(store, "aof_rewrites_consecutive_failures") == turn + 1
        assert sorted(child.names(parts)) == sorted([incr(1), incr(2), MANIFEST])
    store.set("b", 1)
    store.close()
    store = multi()
    assert sorted(store.keys()) == [b"a", b"b"]
    child.rewrite(store)
    assert tidy(parts)


def test_a_refused_fork_leaves_its_increment_to_the_next_rewrite(multi: OpenStore, parts: Path) -> None:
    store = multi()
    store.set("a", 1)
    for _ in range(3):
        with child.orders(refuse=errno.EAGAIN), pytest.raises(aofstore.RewriteError) as raised:
            child.engine_of(store).begin_rewrite()
        assert raised.value.errno == errno.EAGAIN
        assert [name for name, kind in listed(parts) if kind != "h"] == [incr(1), incr(2)]
        store.incr("n")
    assert (parts / incr(2)).stat().st_size == 0
    child.rewrite(store)
    assert listed(parts) == [(base(1), "b"), (incr(2), "i")] and tidy(parts)


def test_a_log_that_failed_gets_a_base_and_an_increment_of_its_own(multi: OpenStore, parts: Path) -> None:
    with faults() as plan:
        store = multi(appendfsync="always")
        store.set("a", 1)
        plan.add("sync", errno.EIO, mode="fail")
        with pytest.raises(aofstore.AofWriteError):
            store.set("unsure", 1)
    with pytest.raises(aofstore.MisconfError):
        store.set("refused", 1)
    child.begin(store, pause="dumping")
    child.reached("dumping")
    # The damaged increment is the log until all of the new one is there.
    assert [name for name, kind in listed(parts) if kind != "h"] == [incr(1)]
    child.resume()
    child.wait(store)
    assert listed(parts) == [(base(1), "b"), (incr(2), "i")] and tidy(parts)
    store.set("healed", 1)
    store.close()
    assert sorted(multi().keys()) == [b"a", b"healed", b"unsure"]


def test_a_full_disk_ends_with_a_rewrite_and_nothing_is_doubled(multi: OpenStore, parts: Path) -> None:
    with faults() as plan:
        store = multi()
        store.incr("n")
        plan.add("write", errno.ENOSPC, mode="fail", sticky=True, name=incr(1))
        with pytest.raises(aofstore.AofWriteError):
            store.incr("n")
        child.begin(store, pause="dumping")
        child.reached("dumping")
        child.resume()
        child.wait(store)
        assert store.incr("n") == 3
    assert listed(parts) == [(base(1), "b"), (incr(2), "i")] and tidy(parts)
    store.close()
    assert multi().get("n") == b"3"


def test_what_is_fed_while_a_failed_log_heals_is_in_its_new_increment(multi: OpenStore) -> None:
    store = multi(appendonly=False)
    store.rpush("l", *range(5))
    with child.orders(pause="dumping"):
        store.config_set("appendonly", "yes")
    child.reached("dumping")
    big = b"x" * 3_000_000
    for number in range(5, 10):
        store.rpush("l", number)
        store.db(2).set("big", big)
    child.resume()
    report = child.wait(store)
    assert report.difference_bytes > 15_000_000
    store.rpush("l", 10)
    store.close()
    store = multi()
    assert store.lrange("l", 0, -1) == [b"%d" % number for number in range(11)]
    assert store.db(2).get("big") == big


def test_t09_with_the_log_off_a_rewrite_is_a_base_alone(multi: OpenStore, parts: Path) -> None:
    store = multi(appendonly=False)
    store.set("a", 1)
    fds = child.descriptors()
    child.begin(store, pause="dumping")
    store.set("late", 1)
    child.resume()
    report = child.wait(store)
    assert (report.difference_bytes, report.bytes_before) == (0, 0)
    assert listed(parts) == [(base(1), "b")] and tidy(parts)
    # What is there of a log that is off is what is replaced.
    for background in (True, False):
        before, report = report, store.rewrite(background=background)
        assert report.bytes_before == before.bytes_after > 0
    # The directory of the log is open from now on.
    child.until(lambda: child.descriptors() <= fds + 1)
    store.close()
    assert sorted(multi().keys()) == [b"a", b"late"]


def test_t09_switching_on_stops_the_dump_and_begins_anew(multi: OpenStore, parts: Path) -> None:
    store = multi(appendonly=False)
    store.set("a", 1)
    pid = child.begin(store, pause="dumping")
    with child.orders(pause="synced"):
        store.config_set("appendonly", "yes")
    assert child.is_gone(pid)
    assert child.figure(store, "aof_waits_for_rewrite") == 1
    store.set("late", 1)
    child.resume()
    child.wait(store)
    assert child.figure(store, "aof_waits_for_rewrite") == 0
    store.set("later", 1)
    assert tidy(parts)
    store.close()
    assert sorted(multi().keys()) == [b"a", b"late", b"later"]


def test_t20_stopping_ends_the_rewrite_whatever_it_is_at(multi: OpenStore, parts: Path) -> None:
    store = multi()
    store.set("a", 1)
    fds = child.descriptors()
    for turn in range(20):
        store.incr("n")
        pid = child.begin(store, pause=STEPS[turn % 3])
        store.config_set("appendonly", "no")
        assert child.is_gone(pid)
        assert child.figure(store, "aof_last_bgrewrite_status") == "ok"
        assert not [name for name in child.names(parts) if name.startswith("temp-")]
        store.config_set("appendonly", "yes")
        store.flush()
        # The log is there a moment before the rewrite that made it is over.
        child.until(lambda: not child.figure(store, "aof_rewrite_in_progress"))
        assert tidy(parts)
    child.until(lambda: child.descriptors() <= fds)
    store.close()
    assert multi().get("n") == b"20"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("old", [True, False])
def test_t21_killed_before_the_switch_what_was_there_is_what_there_is(
    multi: OpenStore, data: Path, parts: Path, step: str, old: bool
) -> None:
    if old:
        with multi() as store:
            store.set("old", 1)
        content, manifest = (parts / incr(1)).read_bytes(), (parts / MANIFEST).read_bytes()
    child.killed_before_the_switch(data, step)
    if old:
        assert ((parts / incr(1)).read_bytes(), (parts / MANIFEST).read_bytes()) == (content, manifest)
    again = multi()
    assert again.keys() == ([b"old"] if old else [])
    child.until(lambda: tidy(parts))


@pytest.mark.parametrize("used", [True, False], ids=["with an increment", "with an unused increment"])
def test_t21_a_log_that_was_never_loaded_is_kept_when_one_is_switched_on(
    multi: OpenStore, data: Path, parts: Path, used: bool
) -> None:
    with multi() as store:
        store.set("old", 1)
        child.rewrite(store)
        if used:
            store.set("older", 1)
    kept = {name: (parts / name).read_bytes() for name in child.names(parts)}
    store = multi(appendonly=False)
    store.set("new", 1)
    store.config_set("appendonly", "yes")
    store.flush()
    assert listed(parts) == [(base(3), "b"), (incr(3), "i")]
    [old] = parts.glob(f"{MANIFEST}.old-*")
    assert old.read_bytes() == kept.pop(MANIFEST)
    assert {name: (parts / name).read_bytes() for name in kept} == kept
    store.close()
    with multi() as store:
        assert store.keys() == [b"new"]
    # To go back is to rename one file.
    old.rename(parts / MANIFEST)
    with multi() as store:
        assert sorted(store.keys()) == ([b"old", b"older"] if used else [b"old"])


def test_history_is_kept_until_aof_disable_auto_gc_is_turned_off(multi: OpenStore, parts: Path) -> None:
    store = multi(aof_disable_auto_gc=True)
    store.set("a", 1)
    child.rewrite(store)
    store.set("b", 1)
    child.rewrite(store)
    kept = [(base(2), "b"), (incr(1), "h"), (base(1), "h"), (incr(2), "h"), (incr(3), "i")]
    assert listed(parts) == kept
    assert set(child.names(parts)) == {name for name, _ in kept} | {MANIFEST}
    store.config_set("aof-disable-auto-gc", "no")
    assert listed(parts) == [(base(2), "b"), (incr(3), "i")] and tidy(parts)
    store.close()
    assert sorted(multi().keys()) == [b"a", b"b"]


def test_a_manifest_that_is_not_certain_latches_and_nothing_is_removed(
    multi: OpenStore, data: Path, parts: Path, tmp_path: Path
) -> None:
    """Where one failed sync of the directory costs today's servers their data."""
    with faults() as plan:
        store = multi()
        store.set("a", 1)
        child.begin(store, pause="synced")
        child.reached("synced")
        # One for the base, one for the manifest.
        plan.add("sync_dir", errno.EIO, nth=2, mode="fail")
        child.resume()
        child.wait(store)
        assert plan.injected() == 1
    assert child.figure(store, "aof_latched") == 1
    with pytest.raises(aofstore.MisconfError):
        store.set("b", 1)
    assert {base(1), incr(1), incr(2)} <= set(child.names(parts))
    # Either manifest may come back: both are whole.
    new = copied(data, tmp_path / "new")
    before = copied(data, tmp_path / "before")
    text = "".join(f"file {name} seq {seq} type i\n" for seq, name in enumerate((incr(1), incr(2)), 1))
    (before / "appendonlydir" / MANIFEST).write_text(text)
    for state in (new, before):
        with multi(state) as copy:
            assert copy.keys() == [b"a"]
    child.rewrite(store)
    assert child.figure(store, "aof_latched") == 0 and tidy(parts)
    store.set("b", 1)
    store.close()
    assert sorted(multi().keys()) == [b"a", b"b"]


@pytest.mark.parametrize("mode", ["fail", "fail_after"])
def test_whatever_call_fails_in_a_rewrite_nothing_that_was_acknowledged_is_lost(
    multi: OpenStore, tmp_path: Path, mode: str
) -> None:
    nth = injected = 1
    while injected:
        data = tmp_path / str(nth)
        with faults() as plan:
            store = multi(data, appendfsync="always")
            acknowledged = [store.incr("n")]
            plan.add(None, errno.EIO, nth=nth, mode=mode)
            for background in (True, False):
                with suppress(aofstore.RewriteError):
                    child.rewrite(store, background)
                with suppress(aofstore.AofWriteError, aofstore.MisconfError):
                    acknowledged.append(store.incr("n"))
            injected = plan.injected()
            # At last the fault hits the closing itself.
            with suppress(aofstore.PersistenceError):
                store.close()
        with multi(data) as again:
            assert int(again.get("n") or 0) >= acknowledged[-1], (nth, acknowledged)
            assert int(again.get("n") or 0) <= 3, nth
            again.incr("n")
            child.rewrite(again)
            assert tidy(data / "appendonlydir"), nth
        nth += 1
    assert nth > 50


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("layout", ["multi-part", "single-file"])
def test_with_aof_use_rdb_preamble_a_rewritten_log_begins_with_a_snapshot(
    open_store: OpenStore, data: Path, layout: str, background: bool
) -> None:
    store = open_store(aof_layout=layout, aof_use_rdb_preamble=True)
    store.rpush("l", *range(500))
    store.db(7).set("k", "v", px=1_000_000)
    if background:
        child.begin(store, pause="dumping")
        store.incr("n")
        child.resume()
        child.wait(store)
    else:
        child.rewrite(store, background)
        store.incr("n")
    store.incr("n")
    name = "appendonly.aof" if layout == "single-file" else "appendonlydir/appendonly.aof.1.base.rdb"
    assert (data / name).read_bytes().startswith(b"REDIS0010")
    store.close()
    store = open_store(aof_layout=layout)
    assert (store.llen("l"), store.get("n"), store.db(7).ttl("k") > 900) == (500, b"2", True)
    # Turned off again, the next base is commands.
    child.rewrite(store)
    name = name.replace("1.base.rdb", "2.base.aof")
    assert (data / name).read_bytes().startswith(b"*2\r\n$6\r\nSELECT")
