"""A rewrite beside the host's own forks, and what a plain fork would have done to it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.host.child import run, said
from tests.host.rewriting import SETUP

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


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
