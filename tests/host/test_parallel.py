"""Threads that run at the same time: under the interpreter's lock in turns, on a free-threaded build truly.

Each piece makes sure that it runs as its interpreter was built: nothing may switch the lock on again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.host.child import said

TOGETHER = """
import sysconfig, threading
import aofstore.cli
built_without = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
def without_lock():
    return not getattr(sys, "_is_gil_enabled", lambda: True)()
assert without_lock() == built_without, "the import switched the interpreter's lock on"
def together(*works):
    "All of them at once; what they raise, in no order."
    raised, ready = [], threading.Barrier(len(works))
    def run(work):
        ready.wait()
        try:
            work()
        except BaseException as error:
            raised.append(error)
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert without_lock() == built_without
    return raised
"""


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_eight_sessions_work_until_all_threads_close_the_store_and_nothing_acknowledged_is_lost(
    tmp_path: Path, policy: str
) -> None:
    said(
        TOGETHER
        + """
import random
WORKERS = 8
store = aofstore.open(directory, appendfsync=argv[1], auto_aof_rewrite_percentage=0)
store.rpush("ring", *range(WORKERS))
store.hset("fields", mapping={n: n for n in range(300)})
acknowledged, steps = [0] * WORKERS, [0] * WORKERS
def count(n, session, rng):
    value = session.execute_command("INCR", f"count:{n}")
    assert value == acknowledged[n] + 1, (value, acknowledged[n])
    acknowledged[n] = value
def pipeline(n, session, rng):
    with store.pipeline(transaction=rng.random() < 0.5) as pipe:
        pipe.incr(f"count:{n}").zadd("scores", {n: rng.random()}).zrange("scores", 0, -1, withscores=True)
        value, _, scores = pipe.hgetall("fields").execute()[:3]
    assert value == acknowledged[n] + 1 and 0 < len(scores) <= WORKERS
    acknowledged[n] = value
def transaction(n, session, rng):
    session.execute_command("WATCH", "shared")
    session.execute_command("MULTI")
    session.execute_command("INCR", "shared")
    session.execute_command("INCR", f"count:{n}")
    if (replies := session.execute_command("EXEC")) is not None:
        acknowledged[n] = replies[1]
def wait(n, session, rng):
    session.execute_command("BLMOVE", "ring", "ring", "LEFT", "RIGHT", 5)
    store.blpop(f"nothing:{n}", 0.001)
def walk(n, session, rng):
    assert len(dict(store.hscan_iter("fields"))) == 300
    assert sum(1 for _ in store.scan_iter(count=7)) >= 2
def configure(n, session, rng):
    store.config_set("hash-max-listpack-entries", rng.choice([4, 128]))
    store.config_set("hz", rng.randrange(5, 100))
    assert 5 <= store.config.hz < 100 and store.info()["loading"] == 0
    assert store.config_get("appendonly") == {"appendonly": "yes"}
def rewrite(n, session, rng):
    try:
        store.rewrite()
    except aofstore.RewriteInProgressError:
        store.rewrite_progress
def rest(n, session, rng):
    store.flush(rng.random() < 0.1)
    store.db(rng.randrange(1, 16)).set(f"volatile:{n}", bytearray(b"x"), px=rng.randrange(1, 5))
    store.last_persistence_error, store.load_report, store.latency_latest(), repr(store)
    gc.collect()
def work(n):
    rng = random.Random(n)
    session = store.session()
    kinds = [count, pipeline, transaction, wait, walk, configure, rest] * 5 + [rewrite]
    try:
        while True:
            rng.choice(kinds)(n, session, rng)
            steps[n] += 1
    except aofstore.StoreClosedError:
        store.close()
    finally:
        steps[n] = 1000  # whatever ended it: nobody is to wait for more
def end():
    while min(steps) < 25:
        time.sleep(0.01)
raised = together(*(lambda n=n: work(n) for n in range(WORKERS)), lambda: (end(), store.close()))
assert not raised, raised
assert store.closed
with aofstore.open(directory) as store:
    kept = [int(store.get(f"count:{n}") or 0) for n in range(WORKERS)]
    # The last one may have acted without anybody being told.
    assert all(had <= has <= had + 1 for had, has in zip(acknowledged, kept)), (acknowledged, kept)
    assert sorted(map(int, store.lrange("ring", 0, -1))) == list(range(WORKERS))
""",
        tmp_path,
        policy,
    )


def test_threads_that_close_an_opened_store_at_once_leave_it_closed_and_the_directory_free(
    tmp_path: Path,
) -> None:
    said(
        TOGETHER
        + """
for n in range(30):
    store = aofstore.open(directory)
    store.incr("n")
    assert not together(*[store.close] * 8)
    assert store.closed
with aofstore.open(directory) as store:
    assert store.get("n") == b"30"
""",
        tmp_path,
    )


def test_of_threads_that_open_one_directory_at_once_one_gets_it(tmp_path: Path) -> None:
    said(
        TOGETHER
        + """
for n in range(15):
    got = []
    raised = together(*[lambda: got.append(aofstore.open(directory))] * 8)
    assert len(got) == 1 and len(raised) == 7, (got, raised)
    assert all(type(error) is aofstore.AofLockedError for error in raised), raised
    got[0].close()
apart = together(*(lambda n=n: aofstore.open(f"{directory}/{n}").close() for n in range(8)))
assert not apart, apart
""",
        tmp_path,
    )


def test_commands_that_threads_put_into_one_pipeline_all_stand_there_whole_and_once(tmp_path: Path) -> None:
    said(
        TOGETHER
        + """
store = aofstore.open(None)
pipe = store.pipeline()
def fill(n):
    for at in range(500):
        name = f"{n}:{at}"
        pipe.set(name, n).get(name).zadd("z", {name: at}).zrange("z", 0, -1, withscores=True)
        len(pipe)
assert not together(*(lambda n=n: fill(n) for n in range(8)))
assert len(pipe) == 16_000
stack = pipe.command_stack
assert sorted(words[1:] for words in stack if words[0] == b"SET") == sorted(
    (f"{n}:{at}".encode(), b"%d" % n) for n in range(8) for at in range(500)
)
pipe.reset()
assert not len(pipe) and pipe.set("k", "v").execute() == [True]
""",
        tmp_path,
    )


def test_a_pipeline_that_is_taking_an_argument_refuses_whoever_else_comes_and_mixes_nothing_up(
    tmp_path: Path,
) -> None:
    said(
        TOGETHER
        + """
store = aofstore.open(None)
pipe = store.pipeline().set("before", 1)
uses = [
    lambda: pipe.incr("n"), lambda: pipe.get("n"), lambda: pipe.zrange("z", 0, -1, withscores=True),
    lambda: pipe.watch("n"), pipe.reset, pipe.execute, lambda: len(pipe), lambda: pipe.command_stack,
]
refused = []
class Big(int):
    def __int__(self):
        refused.extend(together(*uses))
        for use in uses:
            try:
                use()
            except BaseException as error:
                refused.append(error)
        return int(str(2**70))
pipe.set("big", Big(2**70)).set("after", 2)
assert len(refused) == 2 * len(uses), refused
assert all(type(error) is aofstore.AofstoreError for error in refused), refused
assert all("one thread at a time" in str(error) for error in refused), refused
assert pipe.execute() == [True] * 3
assert store.mget("before", "big", "after", "n") == [b"1", b"%d" % 2**70, b"2", None]
""",
        tmp_path,
    )


def test_what_other_threads_change_while_it_is_an_argument_is_taken_as_it_was_at_some_moment(
    tmp_path: Path,
) -> None:
    said(
        TOGETHER
        + """
store = aofstore.open(None)
over = threading.Event()
one, many, grows = {"a": 1.0}, {f"f{n}": n for n in range(20)}, bytearray(b"x" * 10)
def change():
    n = 0
    while not over.is_set():
        n += 1
        one[f"b{n % 3}"] = n
        one.pop(f"b{n % 3}")
        many[f"g{n % 7}"] = n
        many.pop(f"g{n % 7}", None)
        try:
            grows.extend(b"y" * 50) if n % 2 else grows.__delitem__(slice(10, None))
        except BufferError:  # Python's word while somebody reads it
            pass
def use():
    try:
        for _ in range(3000):
            for call in (
                lambda: store.zadd("z", one),
                lambda: store.hset("h", mapping=many),
                lambda: store.mset(many),
                lambda: store.pipeline().zadd("z", one).hset("h", mapping=many).execute(),
            ):
                call()
            store.set("s", grows)
            length = len(store.get("s"))
            assert (length - 10) % 50 == 0, length
    finally:
        over.set()
raised = together(change, use)
assert not raised, raised
assert {b"a"} <= set(store.zrange("z", 0, -1)) <= {b"a", b"b0", b"b1", b"b2"}
""",
        tmp_path,
    )


def test_the_collector_runs_in_threads_of_its_own_while_pipelines_and_stores_come_and_go(
    tmp_path: Path,
) -> None:
    said(
        TOGETHER
        + """
warnings.simplefilter("ignore", ResourceWarning)
over = threading.Event()
def collect():
    while not over.is_set():
        gc.collect()
def come_and_go():
    try:
        for n in range(60):
            store = aofstore.open(None)
            pipes = [store.pipeline() for _ in range(10)]
            for pipe in pipes:
                pipe.hgetall("h").zrange("z", 0, -1, withscores=True)
                pipe.itself = pipe
            pipes[0].execute()
            session = store.session()
            session.execute_command("MULTI")
            if n % 2:
                store.close()
    finally:
        over.set()
raised = together(collect, collect, come_and_go, come_and_go)
assert not raised, raised
""",
        tmp_path,
    )
