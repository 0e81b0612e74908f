"""What a rewrite's child holds open: nothing of the host's; and nothing of it goes to other programs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.host.child import said
from tests.host.rewriting import SETUP

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_6_a_socket_of_the_host_is_free_as_soon_as_the_host_lets_go_of_it(tmp_path: Path) -> None:
    said(
        SETUP
        + """
import socket
listening = socket.create_server(("127.0.0.1", 0), reuse_port=False)
address = listening.getsockname()
client = socket.create_connection(address)
served, _ = listening.accept()
paused()
served.close()
assert client.recv(1) == b"", "the connection ends though the child lives"
client.close()
listening.close()
again = socket.socket()
again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
again.bind(address)
again.listen()
resumed()
sound()
""",
        tmp_path,
    )


def test_7_pipes_files_and_locks_of_the_host_are_not_held_by_the_child(tmp_path: Path) -> None:
    said(
        SETUP
        + """
import fcntl
out, into = os.pipe()
locked = open(os.path.join(directory, "..", "locked"), "w")
fcntl.flock(locked, fcntl.LOCK_EX)
pid = paused()
links = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
pipes = {"single-file": 4, "multi-part": 1}[LAYOUT]
assert sum(link.startswith("pipe:") for link in links) == pipes, links
names = sorted(os.path.basename(link) for link in links if not link.startswith("pipe:"))
assert all(name.startswith("temp-rewriteaof") or "(deleted)" in name for name in names), names
os.close(into)
assert os.read(out, 1) == b""
locked.close()
with open(os.path.join(directory, "..", "locked")) as again:
    fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
resumed()
sound()
""",
        tmp_path / "data",
    )


def test_19_a_program_started_during_a_rewrite_inherits_nothing_of_it(tmp_path: Path) -> None:
    said(
        SETUP
        + """
paused()
look = "exec ls -l /proc/self/fd"
seen = subprocess.run(look, shell=True, close_fds=False, capture_output=True, text=True, check=True).stdout
opened = {int(line.split()[-3]): line.split()[-1] for line in seen.splitlines() if "->" in line}
assert {fd for fd in opened if fd > 2 and not opened[fd].startswith("/proc/")} == set(), opened
resumed()
sound()
""",
        tmp_path,
    )
