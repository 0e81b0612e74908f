"""Writes ``tests/data/servers``: the directories of real servers, and what each server said was in them.

    python -m tools.server_fixtures

One directory a server and a form of the base: rewritten once, with some commands behind that, and stopped.
All hold the same data. What the tests open must not change with the servers that are installed, so the files
are checked in.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.servers import shapes
from tests.servers.dataset import Dataset, compare, dataset, rendered
from tests.servers.process import KINDS, SINGLE_FILE, Server
from tests.servers.test_interop import SLACK_MS, options, rewrite

PLACE = Path(__file__).parents[1] / "tests" / "data" / "servers"
LONG = 90
KEPT = ("appendonly.aof", "appendonlydir")
EXPECTED = "expected.txt"


def write(kind: str, base: str) -> tuple[Path, Dataset]:
    """One fixture: the directory it is in, and what the server said that it holds."""
    with tempfile.TemporaryDirectory(prefix="fixture-") as place:
        server = Server(kind, Path(place, "data"), *options(base))
        try:
            with server.start().connect() as connection:
                version = _version(connection.execute("INFO", "server"))
                connection.pipeline(list(shapes.commands(databases=(9,), long=LONG)))
                rewrite(connection, wait=True)
                connection.pipeline([["SELECT", 1], ["INCR", "after"], ["RPUSH", "list:after", "a", "b"]])
                whole = dataset(connection)
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
    return target, whole


def _version(told: bytes | str) -> str:
    text = told.decode() if isinstance(told, bytes) else told
    fields = dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
    return fields.get("valkey_version", fields["redis_version"])


def main() -> None:
    """Write all of them and say how large they are."""
    wanted: Dataset = {}
    for kind in (*KINDS, SINGLE_FILE):
        for base in ("resp", "rdb"):
            target, whole = write(kind, base)
            wanted = wanted or whole
            if differences := compare(wanted, whole, SLACK_MS.get(kind, 0)):
                raise SystemExit(f"{target}: {differences}")
            size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
            print(f"{target.name}: {size} bytes")
    (PLACE / EXPECTED).write_text("\n".join(rendered(wanted)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
