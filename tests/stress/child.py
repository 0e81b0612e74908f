"""The stressed process: opens the store, works with many threads, writes a line of JSON twice a second,
waits for death.

``python -m tests.stress.child DIRECTORY THREADS SEED``
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time

import aofstore
from tests.stress.load import KINDS, Board, Thread, prepare


def main(directory: str, threads: int, seed: int) -> None:
    board, never = Board(), threading.Event()
    store = aofstore.open(directory, appendfsync="everysec")
    prepare(store)
    names = list(KINDS)
    for number in range(threads):
        kind = names[number % len(names)]
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
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
