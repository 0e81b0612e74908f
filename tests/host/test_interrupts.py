"""Ctrl-C ends whatever the main thread waits for, and leaves the store as if it had not been called.

What it cannot break off is a commit under ``always`` and the sync inside `close`: there the thread is in the
system call itself, or somebody else's call depends on it. The interrupt comes as soon as that is over.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import aofstore
from tests.host.child import said

INTERRUPT = """
def interrupt(after, sender=os.kill):
    "After so many seconds, or as soon as it is true."
    target = os.getpid() if sender is os.kill else threading.main_thread().ident
    def send():
        if callable(after):
            while not after():
                time.sleep(0.001)
        else:
            time.sleep(after)
        sender(target, signal.SIGINT)
    threading.Thread(target=send, daemon=True).start()
def interrupted(call, after=0.2, sender=os.kill):
    began = time.monotonic()
    try:
        interrupt(after, sender)  # in here: on a busy machine it comes before this has returned
        call()
    except KeyboardInterrupt:
        took = time.monotonic() - began
        assert took < 5, took
        return
    raise SystemExit("it was not interrupted")
def faulty():
    plan = _testing.FaultPlan()
    _testing.install_fault_plan(plan)
    return plan
"""


@pytest.mark.parametrize("sender", ["os.kill", "signal.pthread_kill"])
@pytest.mark.parametrize(
    "call",
    [
        'blpop("l", 0)',
        'brpop(["l", "m"], 30)',
        'blmove("l", "m", 0)',
        'brpoplpush("l", "m", 0)',
        'blmpop(0, 1, "l", direction="LEFT")',
        'bzpopmin("z", 0)',
        'bzpopmax("z", 0)',
        'bzmpop(0, 1, ["z"], min=True)',
        'execute_command("DEBUG", "SLEEP", 60)',
    ],
)
def test_a_blocked_command_is_interrupted_and_forgotten(tmp_path: Path, call: str, sender: str) -> None:
    out = said(
        INTERRUPT
        + f"""
with aofstore.open(directory) as store:
    interrupted(lambda: store.{call}, 0.1, {sender})
    store.rpush("l", "kept")
    store.zadd("z", {{"kept": 1}})
    print(store.lrange("l", 0, -1), store.zrange("z", 0, -1), store.exists("m"))
    print(store.info()["blocked_clients"])
""",
        tmp_path,
    )
    assert out == "[b'kept'] [b'kept'] 0\n0"


def test_a_blocked_session_is_interrupted_and_can_go_on(tmp_path: Path) -> None:
    out = said(
        INTERRUPT
        + """
with aofstore.open(directory) as store, store.session() as session:
    interrupted(lambda: session.execute_command("BLPOP", "l", 0))
    print(session.execute_command("RPUSH", "l", "a"), session.execute_command("BLPOP", "l", 0))
""",
        tmp_path,
    )
    assert out == "1 [b'l', b'a']"


def test_an_interrupt_that_races_with_a_push_leaves_no_waiter_behind(tmp_path: Path) -> None:
    out = said(
        INTERRUPT
        + """
with aofstore.open(directory) as store:
    left = 0
    for round in range(60):
        def push():
            os.kill(os.getpid(), signal.SIGINT)
            store.rpush("l", round)
        pusher = threading.Timer(0.01, push)
        try:
            pusher.start()
            store.blpop("l", 5)
            pusher.join()
            time.sleep(0.1)  # here at the latest the signal is handled
        except KeyboardInterrupt:
            pass
        pusher.join()
        # What a waiter took is not in the list, what it left is; nobody else takes anything.
        left += store.lpop("l") is not None
        assert store.info("clients")["blocked_clients"] == 0
        store.rpush("l", "probe")
        assert store.lpop("l") == b"probe"
    print("done")
""",
        tmp_path,
    )
    assert out == "done"


@pytest.mark.parametrize(
    ("call", "fill", "count"),
    [
        ('blpop("k", 5)', 'rpush("k", "a")', 'llen("k")'),
        ('brpop(["x", "k"], 5)', 'rpush("k", "a")', 'llen("k")'),
        ('blmpop(5, 1, "k", direction="LEFT", count=2)', 'rpush("k", "a")', 'llen("k")'),
        ('blmove("k", "m", 5)', 'rpush("k", "a")', 'llen("m") + store.llen("k")'),
        ('bzpopmin("k", 5)', 'zadd("k", {"a": 1.5})', 'zcard("k")'),
        ('bzmpop(5, 1, ["k"], min=True)', 'zadd("k", {"a": 1.5})', 'zcard("k")'),
    ],
)
@pytest.mark.parametrize("name", ["SIGINT", "SIGALRM"])
def test_an_element_that_comes_with_a_signal_is_not_lost(
    tmp_path: Path, name: str, call: str, fill: str, count: str
) -> None:
    out = said(
        f"""
class Late(BaseException):
    pass
handled = 0
def handler(*_):
    global handled
    handled += 1
    raise Late
signal.signal(signal.{name}, handler)
with aofstore.open(directory) as store:
    for round in range(10):
        def push():
            while not store.info("clients")["blocked_clients"]:
                time.sleep(0.001)
            os.kill(os.getpid(), signal.{name})
            store.{fill}
        pusher = threading.Thread(target=push)
        pusher.start()
        try:
            store.{call}
        except Late:
            pass
        else:
            raise SystemExit("it was not interrupted")
        pusher.join()
        assert store.{count} == 1, round
        assert store.info("clients")["blocked_clients"] == 0
        store.delete("k", "m")
    print(handled)
""",
        tmp_path,
    )
    assert out == "10"


def test_an_element_that_cannot_go_back_is_noted_on_the_exception(tmp_path: Path) -> None:
    out = said(
        """
class Late(Exception):
    pass
def handler(*_):
    store.rpush("l", "a")
    store.set("l", "text")
    raise Late
signal.signal(signal.SIGALRM, handler)
def send():
    while not store.info("clients")["blocked_clients"]:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGALRM)
with aofstore.open(directory) as store:
    threading.Thread(target=send).start()
    try:
        store.blpop("l", 50)
    except Late as error:
        print(error.__notes__, store.get("l"))
""",
        tmp_path,
    )
    assert out == """["the command had been served already; its reply was [b'l', b'a']"] b'text'"""


def test_a_handler_that_raises_something_else_is_heard_in_a_blocked_pop(tmp_path: Path) -> None:
    said(
        """
class Late(Exception):
    pass
def handler(*_):
    raise Late
signal.signal(signal.SIGALRM, handler)
with aofstore.open(directory) as store:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        store.blpop("l", 0)
    except Late:
        store.rpush("l", "kept")
        assert store.llen("l") == 1
    else:
        raise SystemExit("it was not heard")
""",
        tmp_path,
    )


@pytest.mark.parametrize("progress", ["None", "lambda progress: None"])
def test_a_long_load_is_interrupted_with_nothing_cut_and_the_lock_free(tmp_path: Path, progress: str) -> None:
    log = tmp_path / "appendonly.aof"
    record = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n"
    log.write_bytes(record * 3_000_000 + b"*3\r\n$3\r\nSE")
    size = log.stat().st_size
    said(
        INTERRUPT
        + f"""
for after in (0.02, 0.05, 0.1):
    interrupted(lambda: aofstore.open(directory, on_progress={progress}), after)
    assert os.stat(os.path.join(directory, "appendonly.aof")).st_size == int(argv[1])
    assert os.listdir(directory) == ["appendonly.aof"]
assert threading.active_count() <= 4
""",
        tmp_path,
        size,
    )
    with aofstore.open(tmp_path) as store:
        assert store.get("key") == b"value"
        assert [cut.dropped_bytes for cut in store.load_report.truncations] == [10]


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_flush_and_waitaof_are_interrupted_while_the_disk_hangs(tmp_path: Path, policy: str) -> None:
    said(
        INTERRUPT
        + """
plan = faulty()
store = aofstore.open(directory, appendfsync="no")
store.set("k", "v")
plan.add("sync", 0, mode="delay", delay_ms=6000)
interrupted(store.flush, plan.injected)
interrupted(lambda: store.waitaof(1, 0, 0))
interrupted(store.flush, 0.1, signal.pthread_kill)
store.set("k", "w")
assert store.get("k") == b"w"
store.flush()
assert plan.count("sync") == 2
store.close()
""",
        tmp_path,
        policy,
    )
    with aofstore.open(tmp_path) as store:
        assert store.get("k") == b"w"


def test_a_rewrite_without_a_child_is_interrupted_and_leaves_the_log(tmp_path: Path) -> None:
    said(
        INTERRUPT
        + """
plan = faulty()
store = aofstore.open(directory)
for n in range(60):
    store.set(f"k:{n}", "v" * 300_000)
before = sorted(os.listdir(directory))
plan.add("write", 0, mode="delay", delay_ms=100, sticky=True)
interrupted(lambda: store.rewrite(background=False))
plan.clear()
assert sorted(os.listdir(directory)) == before, os.listdir(directory)
assert store.info("persistence")["aof_last_bgrewrite_status"] == "ok"
store.set("k:0", "w")
assert store.rewrite(background=False).keys == 60
store.close()
""",
        tmp_path,
    )
    with aofstore.open(tmp_path) as store:
        assert store.get("k:0") == b"w"
        assert store.dbsize() == 60


@pytest.mark.parametrize("session", [False, True])
def test_a_save_is_interrupted_and_leaves_the_last_dump(session: bool, tmp_path: Path) -> None:
    said(
        INTERRUPT
        + f"""
plan = faulty()
store = aofstore.open(directory, appendonly=False)
for n in range(60):
    store.set(f"k:{{n}}", os.urandom(300_000))
store.save()
before, moment = os.stat(directory + "/dump.rdb").st_ino, store.lastsave()
store.set("k:0", "w")
session = store.session()
save = (lambda: session.execute_command("SAVE")) if {session} else store.save
plan.add("write", 0, mode="delay", delay_ms=100, sticky=True)
interrupted(save)
plan.clear()
assert os.listdir(directory).count("dump.rdb") == 1
assert [name for name in os.listdir(directory) if name.startswith("temp-")] == []
assert os.stat(directory + "/dump.rdb").st_ino == before
assert store.lastsave() == moment
told = store.info("persistence")
assert (told["rdb_last_bgsave_status"], told["rdb_changes_since_last_save"]) == ("ok", 1)
store.set("k:1", "w")
assert save() in (True, b"OK")
store.close()
""",
        tmp_path,
    )
    with aofstore.open(tmp_path, appendonly=False) as store:
        assert (store.get("k:0"), store.get("k:1"), store.dbsize()) == (b"w", b"w", 60)


def test_a_load_is_interrupted_in_the_midst_of_a_huge_key_and_leaves_the_snapshot(tmp_path: Path) -> None:
    members = 70_000
    with aofstore.open(tmp_path, appendonly=False, rdbcompression=False) as store:
        store.sadd("s", *(f"{number}:".encode() + b"x" * 300 for number in range(members)))
        store.save()
    before = (tmp_path / "dump.rdb").stat()
    said(
        INTERRUPT
        + """
plan = faulty()
# Some twenty reads of a megabyte.
plan.add("read", 0, mode="delay", delay_ms=500, sticky=True)
interrupted(lambda: aofstore.open(directory, appendonly=False), 1.5)
plan.clear()
aofstore.open(directory, appendonly=False).close()
""",
        tmp_path,
    )
    assert (tmp_path / "dump.rdb").stat().st_mtime_ns == before.st_mtime_ns
    told: list[aofstore.LoadProgress] = []
    with aofstore.open(tmp_path, appendonly=False, on_progress=told.append) as store:
        assert store.scard("s") == members
    assert told[-1].bytes_done == told[-1].bytes_total == before.st_size


def test_an_interrupt_during_a_commit_comes_right_after_it_and_loses_nothing(tmp_path: Path) -> None:
    out = said(
        INTERRUPT
        + """
plan = faulty()
store = aofstore.open(directory, appendfsync="always")
plan.add("sync", 0, mode="delay", delay_ms=500)
interrupted(lambda: store.set("k", "v"), plan.injected)
print(plan.count("sync"), store.get("k"))
store.close()
""",
        tmp_path,
    )
    assert out == "1 b'v'"


def test_an_interrupt_during_close_still_releases_everything(tmp_path: Path) -> None:
    said(
        INTERRUPT
        + """
plan = faulty()
before = len(os.listdir("/proc/self/task"))
store = aofstore.open(directory)
store.set("k", "v")
plan.add("sync", 0, mode="delay", delay_ms=500)
interrupted(store.close, plan.injected)
_testing.install_fault_plan(None)
assert store.closed
assert aofstore.open(directory).get("k") == b"v"
""",
        tmp_path,
    )
