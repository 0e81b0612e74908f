"""Signals during a rewrite: handlers, dispositions and masks of the host, and a Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.host.child import said, start
from tests.host.rewriting import SETUP

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_9_no_handler_of_the_host_runs_in_the_child(tmp_path: Path) -> None:
    said(
        SETUP
        + """
ran = os.path.join(directory, "..", "ran")
def handler(number, frame):
    open(ran, "a").write(f"{number} in {os.getpid()}\\n")
for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGALRM):
    signal.signal(number, handler)
out, into = os.pipe()
os.set_blocking(into, False), os.set_blocking(out, False)
signal.set_wakeup_fd(into)
pid = paused()
with open(f"/proc/{pid}/status") as status:
    fields = dict(line.split(":", 1) for line in status)
sets = {name: int(fields[name], 16) for name in ("SigCgt", "SigBlk", "SigIgn")}
assert sets["SigCgt"] == sets["SigBlk"] == 0, sets
ignored = {number for number in range(1, 65) if sets["SigIgn"] >> number - 1 & 1}
assert {signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ} <= ignored, ignored
assert not {signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD, signal.SIGALRM} & ignored, ignored
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
os.kill(pid, signal.SIGUSR1)
try:
    print(wait())
except aofstore.RewriteError as error:
    assert error.signal == signal.SIGUSR1, error
assert not os.path.exists(ran), open(ran).read()
try:
    print(os.read(out, 10))
except BlockingIOError:
    pass
signal.set_wakeup_fd(-1)
sound()
""",
        tmp_path / "data",
    )


def test_10_a_ctrl_c_reaches_the_host_alone(tmp_path: Path) -> None:
    host = start(
        SETUP
        + """
paused()
try:
    print("ready", flush=True)
    while True:
        time.sleep(0.01)  # one long sleep would sleep on if the signal came just before it
except KeyboardInterrupt:
    resumed()
    sound()
    print("whole")
""",
        tmp_path,
    )
    assert host.stdout is not None
    assert host.stdout.readline() == "ready\n"
    # What a terminal does: to every process that has it.
    children = Path(f"/proc/{host.pid}/task").glob("*/children")
    pids = [int(pid) for file in children for pid in file.read_text().split()]
    assert len(pids) == 1
    for pid in [*pids, host.pid]:
        os.kill(pid, signal.SIGINT)
    out, err = host.communicate(timeout=60)
    assert (out, host.returncode) == ("whole\n", 0), err


def test_15_handlers_dispositions_and_masks_are_as_before(tmp_path: Path) -> None:
    said(
        SETUP
        + """
def state():
    with open("/proc/self/status") as status:
        return (
            [line for line in status if line.startswith(("SigBlk", "SigIgn", "SigCgt"))],
            [repr(signal.getsignal(number)) for number in range(1, signal.NSIG)],
            signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        )
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
signal.signal(signal.SIGUSR1, lambda *_: None)
before = state()
rewrite()
assert state() == before
rewrite(background=False)
assert state() == before
pid = paused()
assert state() == before
resumed()
assert state() == before
sound()
""",
        tmp_path,
    )
