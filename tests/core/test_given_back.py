"""Memory that a store no longer needs goes back to the system, not only to the allocator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What stands at the end of the heap, here Python's, keeps all before it.
CHILD = """
import os, time
import aofstore

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

store = aofstore.open(None)
kept = []
for batch in range(500):
    {fill}
    kept.append(bytes(2000))
full = resident()
{free}
deadline = time.monotonic() + 20
while resident() > full / 2 and time.monotonic() < deadline:
    time.sleep(0.05)
print(full >> 20, resident() >> 20)
"""
WORK = {
    "flushall": ("store.mset({f'{batch}:{n}': bytes(100) for n in range(1000)})", "store.flushall()"),
    "delete": (
        "store.hset('h', mapping={f'{batch}:{n}': bytes(100) for n in range(1000)})",
        "store.delete('h')",
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("name", WORK)
def test_what_was_thrown_away_goes_back_to_the_system(name: str) -> None:
    fill, free = WORK[name]
    code = CHILD.format(fill=fill, free=free)
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, text=True, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-1000:]
    full, left = map(int, done.stdout.split())
    assert full > 80, "too little to tell"
    assert left < full / 2, f"{left} of {full} MB are still taken"
