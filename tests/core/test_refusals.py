"""W-02: what a refused write tells."""

from __future__ import annotations

import errno
import threading

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.crash.faults import faults


@pytest.mark.serial
def test_w02_a_refusal_has_its_number_while_others_hold_the_lock(open_store: OpenStore) -> None:
    with faults() as plan:
        store = open_store()
        store.rpush("l", *range(20_000))
        plan.add("write", errno=errno.ENOSPC, sticky=True)
        with pytest.raises(aofstore.AofWriteError):
            store.set("k", "v")
        over = threading.Event()

        def busy() -> None:
            while not over.is_set():
                store.lpos("l", "no")

        threads = [threading.Thread(target=busy) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            numbers = set()
            for _ in range(200):
                with pytest.raises(aofstore.MisconfError) as refused:
                    store.set("k", "v")
                numbers.add(refused.value.errno)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        plan.clear()
        assert numbers == {errno.ENOSPC}
