"""T-25: whoever has the engine while its log is read hears LOADING, and is served when it is over."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aofstore import BusyLoadingError, Config, ExecAbortError
from aofstore._core import Directory, Engine
from aofstore.pipeline import Pipeline

SETS = b"".join(b"*3\r\n$3\r\nSET\r\n$4\r\n%04d\r\n$1\r\nv\r\n" % n for n in range(10_000))


def test_t25_other_threads_hear_loading_until_it_is_over(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(SETS)
    directory = Directory(str(tmp_path))
    engine = Engine(Config(dir=str(tmp_path)).live_settings())
    client, session = engine.client(), engine.client(session=True)
    loader = engine.loader(directory, "log")
    heard: list[str] = []

    def elsewhere() -> None:
        for words in (["GET", "0001"], ["SET", "k", "v"], ["BLPOP", "l", "0"], ["DBSIZE"], ["PING"]):
            with pytest.raises(BusyLoadingError, match="LOADING Redis is loading the dataset"):
                client.execute(*words)
            heard.append(words[0])
        with Pipeline(client, lambda: session, transaction=False) as pipe:
            (told_off,) = pipe.get("k").execute(raise_on_error=False)
            assert isinstance(told_off, BusyLoadingError)
        session.execute("MULTI")
        with pytest.raises(BusyLoadingError):
            session.execute("GET", "0001")
        with pytest.raises(ExecAbortError):
            session.execute("EXEC")
        told = client.execute("INFO", "persistence")
        assert b"loading:1\r\n" in told
        assert b"loading_total_bytes:%d\r\n" % len(SETS) in told

    try:
        while not loader.step(0):
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
        engine.start_log(directory, "log")
        assert client.execute("GET", "0001") == b"v"
        assert client.execute("DBSIZE") == 10_000
        assert heard.count("PING") == 10
    finally:
        loader.close()
        engine.close()
        directory.close()
