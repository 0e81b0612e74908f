"""Threads: the host's go on while ours or one of its own waits, and many of them may use one store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.host.child import said

TICKS = """
ticks, over = [0], threading.Event()
def tick():
    while not over.is_set():
        time.sleep(0.005)
        ticks[0] += 1
ticker = threading.Thread(target=tick, daemon=True)
ticker.start()
def ticked(call):
    while ticks[0] == 0:
        time.sleep(0.001)
    before = ticks[0]
    call()
    return ticks[0] - before
plan = _testing.FaultPlan()
def faulty(**settings):
    _testing.install_fault_plan(plan)
    store = aofstore.open(directory, **settings)
    _testing.install_fault_plan(None)
    return store
"""


@pytest.mark.parametrize(
    ("policy", "call"),
    [
        ("always", 'store.set("k", "v")'),
        ("always", 'store.pipeline().set("k", "v").execute()'),
        ("no", "store.flush()"),
        ("no", "store.waitaof(1, 0, 0)"),
        ("no", 'store.config_set("appendfsync", "always")'),
        ("everysec", "store.close()"),
    ],
)
def test_other_threads_run_during_a_sync(tmp_path: Path, policy: str, call: str) -> None:
    said(
        TICKS
        + f"""
store = faulty(appendfsync=argv[1])
store.set("before", "v")
plan.add("sync", 0, mode="delay", delay_ms=600)
seen = ticked(lambda: {call})
assert plan.injected() == 1
assert seen >= 20, seen
store.close()
""",
        tmp_path,
        policy,
    )


def test_other_threads_run_and_use_the_store_while_one_waits_for_an_element(tmp_path: Path) -> None:
    said(
        TICKS
        + """
with aofstore.open(directory) as store:
    def push():
        while store.info()["blocked_clients"] == 0:
            time.sleep(0.01)
        for n in range(1000):
            store.incr("n")
        time.sleep(0.2)
        store.rpush("l", "x")
    thread = threading.Thread(target=push)
    thread.start()
    seen = ticked(lambda: store.blpop("l", 30))
    assert seen >= 15 and store.get("n") == b"1000", seen
    thread.join()
""",
        tmp_path,
    )


def test_other_threads_run_during_a_load(tmp_path: Path) -> None:
    record = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n"
    (tmp_path / "appendonly.aof").write_bytes(record * 3_000_000)
    said(
        TICKS
        + """
began = time.monotonic()
seen = ticked(lambda: aofstore.open(directory).close())
wanted = (time.monotonic() - began) / 0.005 / 8
assert seen >= max(3, wanted), (seen, wanted)
""",
        tmp_path,
    )


def test_other_threads_run_while_a_slow_command_works(tmp_path: Path) -> None:
    said(
        TICKS
        + """
store = aofstore.open(None)
store.mset({f"key:{n}": n for n in range(300_000)})
def work():
    for _ in range(20):
        store.keys("*nothing*")
        store.pipeline().keys("*nothing*").execute()
seen = ticked(work)
assert seen >= 10, seen
""",
        tmp_path,
    )


def test_other_threads_run_while_writes_are_held_up(tmp_path: Path) -> None:
    said(
        TICKS
        + """
store = faulty(appendfsync="no")
plan.add("write", 0, mode="delay", delay_ms=300, sticky=True)
store.set("k", 0)  # from here on writes are known to be slow
def work():
    threads = [threading.Thread(target=store.incr, args=("k",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
seen = ticked(work)
assert store.get("k") == b"4" and seen >= 15, seen
plan.clear()
store.close()
""",
        tmp_path,
    )


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_eight_threads_with_everything_mixed_neither_lock_up_nor_lose_anything(
    tmp_path: Path, policy: str
) -> None:
    steps = 60 if policy == "always" else 400
    out = said(
        """
import random
steps, accounts = int(argv[2]), 6
store = aofstore.open(directory, appendfsync=argv[1])
store.mset({f"account:{n}": 100 for n in range(accounts)})
odd = []
def transfer(rng):
    source, target = rng.sample([f"account:{n}" for n in range(accounts)], 2)
    def move(pipe):
        amount = min(int(pipe.get(source)), rng.randrange(20))
        pipe.multi()
        pipe.decrby(source, amount).incrby(target, amount)
    store.transaction(move, source, target)
def hand_on(rng):
    taken = store.blpop(["left", "right"], 0.001)
    if taken:
        store.rpush(rng.choice(["left", "right"]), taken[1])
    store.blmove("left", "right", 0.001)
def look(rng):
    assert sum(map(int, store.mget([f"account:{n}" for n in range(accounts)]))) == 600
    list(store.scan_iter(count=5))
def session(rng):
    with store.session() as own:
        own.execute_command("WATCH", "counter")
        own.execute_command("MULTI")
        own.execute_command("INCR", "counter")
        own.execute_command("SELECT", "3") if rng.random() < 0.2 else own.execute_command("GET", "counter")
        own.execute_command("EXEC")
def rest(rng):
    store.set("volatile", 1, px=rng.randrange(1, 5))
    store.pipeline(transaction=False).hincrby("h", "f", 1).sadd("s", rng.random()).spop("s").execute()
    store.config_set("hz", rng.randrange(5, 50))
    store.flush(rng.random() < 0.1)
def run(seed):
    rng = random.Random(seed)
    try:
        for _ in range(steps):
            rng.choice([transfer, hand_on, look, session, rest])(rng)
    except BaseException as error:
        odd.append(error)
store.rpush("left", *range(20))
threads = [threading.Thread(target=run, args=(seed,)) for seed in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not odd, odd
def check(store):
    assert sum(map(int, store.mget([f"account:{n}" for n in range(accounts)]))) == 600
    beads = store.lrange("left", 0, -1) + store.lrange("right", 0, -1)
    assert sorted(map(int, beads)) == list(range(20)), beads
    assert store.info()["blocked_clients"] == 0
check(store)
store.close()
with aofstore.open(directory) as store:
    check(store)
print("whole")
""",
        tmp_path,
        policy,
        steps,
    )
    assert out == "whole"


def test_threads_that_commit_together_share_their_syncs(tmp_path: Path) -> None:
    said(
        TICKS
        + """
plan.record(True)
store = faulty(appendfsync="always")
plan.add("sync", 0, mode="delay", delay_ms=2, sticky=True)
def work(n):
    for _ in range(40):
        store.incr(f"n:{n}")
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
made = [call for call, *_ in plan.made()]
commits, syncs, writes = 320, made.count("sync"), made.count("write")
assert syncs <= writes < commits / 2, (syncs, writes)
assert [store.get(f"n:{n}") for n in range(8)] == [b"40"] * 8
store.close()
""",
        tmp_path,
    )


def test_two_threads_on_one_session_take_turns(tmp_path: Path) -> None:
    said(
        """
with aofstore.open(directory, appendfsync="always") as store, store.session() as session:
    threads = [
        threading.Thread(target=lambda: [session.execute_command("INCR", "n") for _ in range(50)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.execute_command("GET", "n") == b"200"
""",
        tmp_path,
    )


def test_an_event_loop_goes_on_while_its_executor_waits_in_the_store(tmp_path: Path) -> None:
    out = said(
        """
import asyncio
async def main(store):
    loop = asyncio.get_running_loop()
    beats = 0
    async def beat():
        nonlocal beats
        while True:
            await asyncio.sleep(0.005)
            beats += 1
    heart = asyncio.create_task(beat())
    waiting = loop.run_in_executor(None, store.blpop, "l", 30)
    await asyncio.sleep(0.3)
    child = await asyncio.create_subprocess_exec("true")
    assert await child.wait() == 0
    await loop.run_in_executor(None, store.rpush, "l", "x")
    taken = await waiting
    await asyncio.gather(*(loop.run_in_executor(None, store.incr, "n") for _ in range(50)))
    heart.cancel()
    assert beats >= 20, beats
    return taken, store.get("n")
with aofstore.open(directory, appendfsync="always") as store:
    print(*asyncio.run(main(store)))
""",
        tmp_path,
    )
    assert out == "(b'l', b'x') b'50'"
