"""The thread, the store or the host ends during a rewrite: no child, no file and no lock is left."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import aofstore
from tests.crash.layouts import STEPS, Layout, strangers
from tests.host.child import run, said, start
from tests.host.rewriting import SETUP, await_death

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_5_the_thread_that_asked_may_end_and_the_rewrite_goes_on(tmp_path: Path) -> None:
    said(
        SETUP
        + """
asked = threading.Thread(target=paused)
asked.start()
asked.join()
time.sleep(0.2)
pid = _testing.child_progress()[0]
assert os.path.exists(f"/proc/{pid}/fd")
resumed()
sound()
""",
        tmp_path,
    )


def test_8_a_killed_host_takes_the_child_along_and_frees_the_lock_at_once(
    tmp_path: Path, layout: Layout
) -> None:
    for step in {"dumping", "draining", "waiting", "synced"}.intersection(STEPS[layout]):
        _kill_at(step, tmp_path / step, layout)


def _kill_at(step: str, place: Path, layout: Layout) -> None:
    host = start(
        SETUP
        + f"""
store.incr("n")
print(paused("{step}"), flush=True)
store.incr("n")
print("ready", flush=True)
time.sleep(60)
""",
        place,
    )
    assert host.stdout is not None
    pid = int(host.stdout.readline())
    assert host.stdout.readline() == "ready\n"
    host.kill()
    host.communicate()
    # At once, whether the child has noticed or not.
    with aofstore.open(place) as store:
        assert store.get("n") == b"2"
        assert store.dbsize() == 2001
    assert strangers(place, layout) == []
    await_death(pid)


def test_13_closing_ends_the_rewrite_and_leaves_no_child_and_no_file(tmp_path: Path) -> None:
    said(
        SETUP
        + """
for step in {"dumping", "draining", "waiting", "synced"}.intersection(STEPS):
    pid = paused(step)
    began = time.monotonic()
    store.close()
    assert time.monotonic() - began < 5
    assert children() == [] and not os.path.exists(f"/proc/{pid}")
    assert not left(), left()
    store = aofstore.open(directory)
    assert store.dbsize() == 2000
sound()
""",
        tmp_path,
    )


@pytest.mark.parametrize("ending", ["sys.exit(0)", "os._exit(0)", "pass"])
def test_20_a_host_that_ends_during_a_rewrite_ends_at_once_and_loses_nothing(
    tmp_path: Path, layout: Layout, ending: str
) -> None:
    out, _ = run(
        SETUP
        + f"""
print(paused("dumping"))
store.incr("n")
{ending}
""",
        tmp_path,
    )
    await_death(int(out))
    with aofstore.open(tmp_path) as store:
        assert store.get("n") == b"1"
        assert store.dbsize() == 2001
    assert strangers(tmp_path, layout) == []
