"""One contender in a process of its own: ``python -m benchmarks.worker NAME DIRECTORY KEYS``.

Reads a request a line on stdin, answers a line on stdout, both JSON: ``{"row": …, "count": …, "seed": …}``
gives ``{"calls": …, "seconds": …}``; the row "preload" fills the store first. Ends with its stdin.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from pathlib import Path

from .contenders import ALL
from .work import arguments, preload_pairs


def main(name: str, directory: str, keys: int) -> None:
    contender = ALL[name](Path(directory))
    gc.disable()
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        row, count = request["row"], request.get("count", keys)
        if row == "preload":
            began = time.perf_counter()
            contender.preload(preload_pairs(keys))
        else:
            calls = arguments(row, count, keys, random.Random(request["seed"]))
            began = time.perf_counter()
            contender.run(row, calls)
        seconds = time.perf_counter() - began
        print(json.dumps({"calls": count, "seconds": seconds}), flush=True)
        gc.collect()
    contender.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
