"""W-02: what a refused write tells."""

from __future__ import annotations

import errno
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.crash.faults import faults
from tests.servers.connection import Arg, Partner, StoreConnection
from tests.servers.process import Server
from tests.servers.replies import plain


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


def misconf_transactions(connection: Partner, failure: Callable[[], None]) -> list[str]:
    """The replies of transactions in whose middle writes begin to be refused."""
    told = [connection.execute("MULTI"), connection.execute("SET", "a", 1)]
    failure()
    rest: list[list[Arg]] = [
        ["SET", "b", 1],  # M-04: the transaction is marked
        ["EXEC"],  # the refusal is told first, since a write was queued
        ["EXEC"],
        ["MULTI"],
        ["SET", "b", 1],
        ["EXEC"],  # nothing was queued that could be refused
        ["MULTI"],
        ["PING"],
        ["GET", "a"],
        ["EXEC"],
        ["MULTI"],
        ["GET", "a"],
        ["EXEC"],
    ]
    return [str(plain(reply)) for reply in told + [connection.execute(*words) for words in rest]]


def test_m04_a_transaction_that_is_refused_says_what_a_server_says(
    open_store: OpenStore, tmp_path: Path
) -> None:
    with Server("redis", tmp_path / "server") as server, server.connect() as connection:
        connection.execute("CONFIG", "SET", "save", "3600 100000")

        def fail_to_save() -> None:
            shutil.rmtree(server.directory)
            patience = time.monotonic() + 30
            with server.connect() as other:
                other.execute("BGSAVE")
                while "rdb_last_bgsave_status:err" not in str(other.execute("INFO", "persistence")):
                    assert time.monotonic() < patience
                    time.sleep(0.01)

        theirs = misconf_transactions(connection, fail_to_save)
    with faults() as plan:
        store = open_store()

        def fail_to_write() -> None:
            plan.add("write", errno=errno.ENOSPC, sticky=True)
            with pytest.raises(aofstore.AofWriteError):
                store.set("c", 1)

        ours = misconf_transactions(StoreConnection(store), fail_to_write)
        plan.clear()
    reason = re.compile(r"MISCONF (Redis is|Errors).*")
    assert [reason.sub("MISCONF", one) for one in ours] == [reason.sub("MISCONF", one) for one in theirs]
    full = "MISCONF Errors writing to the AOF file: No space left on device"
    assert full in ours[2]
    assert f"EXECABORT Transaction discarded because of: {full}" in ours[3]
    assert "EXECABORT Transaction discarded because of previous errors." in ours[7]
