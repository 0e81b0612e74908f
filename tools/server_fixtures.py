"""Writes ``tests/data/servers``: the directories of real servers, and what each server said was in them.

    python -m tools.server_fixtures

One directory a server and a form of the base: rewritten once, with some commands behind the rewrite, and stopped.
What the tests open must not change with the servers that are installed, so the files are checked in.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.servers import shapes
from tests.servers.dataset import dataset, rendered
from tests.servers.process import KINDS, SINGLE_FILE, Server
from tests.servers.test_interop import options, rewrite

PLACE = Path(__file__).parents[1] / "tests" / "data" / "servers"
LONG = 150
KEPT = ("appendonly.aof", "appendonlydir")
EXPECTED = "expected.txt"


def write(kind: str, base: str) -> Path:
    """One fixture; the directory it is in."""
    with tempfile.TemporaryDirectory(prefix="fixture-") as place:
        server = Server(kind, Path(place, "data"), *options(base))
        try:
            with server.start().connect() as connection:
                version = _version(connection.execute("INFO", "server"))
                connection.pipeline(list(shapes.commands(databases=(0, 9), long=LONG)))
                rewrite(connection, wait=True)
                connection.pipeline([["SELECT", 1], ["INCR", "after"], ["RPUSH", "list:after", "a", "b"]])
                lines = rendered(dataset(connection))
            server.stop()
            target = PLACE / f"{kind}-{version}-{base}"
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for name in KEPT:
                source = server.directory / name
                if source.is_dir():
                    shutil.copytree(source, target / name)
                elif source.exists():
                    shutil.copy(source, target / name)
        finally:
            server.close()
    (target / EXPECTED).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def _version(told: bytes | str) -> str:
    text = told.decode() if isinstance(told, bytes) else told
    fields = dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
    return fields.get("valkey_version", fields["redis_version"])


def main() -> None:
    for kind in (*KINDS, SINGLE_FILE):
        for base in ("resp", "rdb"):
            target = write(kind, base)
            size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
            print(f"{target.name}: {size} bytes")


if __name__ == "__main__":
    main()
