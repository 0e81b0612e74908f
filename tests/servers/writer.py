"""A process that fills a store and goes on writing until it is killed, or closes it.

Arguments: directory, settings as JSON, seed, and what is to happen: ``rewritten`` closes the store some time
after a rewrite; ``crashed`` goes on after one; ``mid-rewrite`` goes on while one runs, whose child stands
still. It says ``ready`` when it may be killed.
"""

from __future__ import annotations

import itertools
import json
import sys
import time

import aofstore
from aofstore._core import _testing
from tests.servers import shapes
from tests.servers.connection import StoreConnection
from tests.servers.workload import run

LOAD = 1_500
PATIENCE = 20.0


def main() -> None:
    directory, settings, seed, moment = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    store: aofstore.Store[bytes] = aofstore.open(directory, appendfsync="no", **settings)
    connection = StoreConnection(store)
    shapes.fill(connection)
    run(connection, seed, LOAD)
    store.rewrite()
    run(connection, seed + 1, LOAD // 3)
    if moment == "rewritten":
        store.close()
        return
    if moment == "mid-rewrite":
        _testing.child_plan(pause="dumping")
        store.bgrewriteaof()
        until = time.monotonic() + PATIENCE
        while _testing.child_reached() != "dumping":
            assert time.monotonic() < until
            time.sleep(0.001)
    for number in itertools.count(2):
        run(connection, seed + number, LOAD // 3)
        print("ready", flush=True)


if __name__ == "__main__":
    main()
