"""No memory is an error of the one call, not the end of the process: sizes that users chose are asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIECE = 200 << 20
# Less than a string may be: a free-threaded interpreter keeps address space in store for its own objects.
ROOM = 2 * PIECE

CHILD = """
import os, resource, sys
import aofstore

store = aofstore.open(None)
store.set("small", "value")
store.setrange("k", {piece}, "x")
used = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(resource.RLIMIT_AS, (used + {room}, used + {room}))
big = []
try:
    for number in range(12):
        {work}
except (aofstore.ResponseError, MemoryError) as error:
    del big
    print(type(error).__name__, error)
else:
    print("there was room")
assert store.get("small") == b"value" and store.set("other", 1) and store.strlen("k") == {piece} + 1
"""

WORK = {
    "setrange": "store.setrange(f'c{number}', {piece}, 'x')",
    "append": "store.append('a', b'x' * ({piece} // 4))",
    "setbit": "store.setbit(f'c{number}', {piece} * 8, 1)",
    "bitfield": "store.execute_command('BITFIELD', f'c{{number}}', 'SET', 'u8', '#{piece}', 1)",
    "bitop": "store.bitop('NOT', f'c{number}', 'k')",
    "copy": "store.copy('k', f'c{number}')",
    "get": "big.append(store.get('k'))",
    "set": "store.set(f'c{number}', b'x' * ({piece} // 2))",
    "rpush": "store.rpush('l', b'x' * ({piece} // 2))",
    "hset": "store.hset('h', str(number), b'x' * ({piece} // 2))",
    "mget": "store.mget(['k'] * 8)",
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to a limit of the address space")
@pytest.mark.parametrize("name", WORK)
def test_no_memory_is_an_error_reply(name: str) -> None:
    work = WORK[name].replace("{piece}", str(PIECE)).replace("{{number}}", "{number}")
    code = CHILD.replace("{piece}", str(PIECE)).replace("{room}", str(ROOM)).replace("{work}", work)
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, text=True, capture_output=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-1000:]
    assert done.stdout.startswith(("ResponseError OOM", "MemoryError")), done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to a limit of the address space")
def test_no_memory_for_one_reply_of_a_pipeline(tmp_path: Path) -> None:
    work = """
        pipe = store.pipeline()
        for _ in range(8):
            pipe.get("k")
        raise pipe.execute(raise_on_error=False)[-1]
    """.strip()
    code = CHILD.replace("{piece}", str(PIECE)).replace("{room}", str(ROOM)).replace("{work}", work)
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, text=True, capture_output=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-1000:]
    assert done.stdout.startswith(("ResponseError OOM", "MemoryError")), done.stdout
