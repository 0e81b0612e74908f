"""The stressed process: opens the store, works with many threads, writes a line of JSON twice a second,
waits for death.

``python -m tests.stress.child DIRECTORY LAYOUT THREADS SEED``
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from typing import cast

import aofstore
from tests.crash.layouts import Layout
from tests.stress.load import KINDS, Board, Thread, prepare


def main(directory: str, layout: Layout, threads: int, seed: int) -> None:
    names = list(KINDS)
    kinds = [names[number % len(names)] for number in range(threads)]
    counters = [f"{kind}{number}" for number, kind in enumerate(kinds) if kind == "count"]
    board, never = Board(counters=counters), threading.Event()
    store = aofstore.open(directory, appendfsync="everysec", aof_layout=layout, save="1 10000")
    prepare(store)
    for number, kind in enumerate(kinds):
        worker = Thread(store, board, f"{kind}{number}", seed * 1000 + number)
        threading.Thread(target=worker.run, args=(KINDS[kind], never), daemon=True).start()
    while True:
        time.sleep(0.1)
        slowest = max(board.slowest.values(), default=(0.0, ""))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report = {
            "operations": sum(board.operations.values()),
            "slowest": slowest,
            "memory_kib": memory,
            "errors": board.errors[:5],
        }
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], cast("Layout", sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
