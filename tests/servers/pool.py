"""One running server of each kind for the whole test run, with a log, started when first asked for."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from tests.servers.process import Server, aof_options


@functools.cache
def shared(kind: str) -> Server:
    """The server of that kind; whoever uses it starts with FLUSHALL."""
    directory = Path(tempfile.mkdtemp(prefix=f"{kind}-"))
    server = Server(kind, directory, *aof_options(appendfsync="no")).start()
    atexit.register(_end, server, directory)
    return server


def _end(server: Server, directory: Path) -> None:
    server.close()
    shutil.rmtree(directory, ignore_errors=True)
