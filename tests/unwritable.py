"""Directories in which a process can write nothing, whoever it is: what its command is preceded by.

Each makes sure of it with a file that cannot be made, before the command runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Way = Callable[[Path], list[str]]

_CAP_SYS_ADMIN = 21
_HEEDING = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""
_SURE = '! touch "$0/probe" 2>/dev/null && exec "$@"'
_MOUNTED = f'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && {_SURE}'


def mounted(directory: Path) -> list[str]:
    """Mounted read-only, in a mount namespace of the command's own.

    Skips the test, which `WAYS` marks as ``scarce``, where this user may not mount.
    """
    if _may_mount():
        return ["unshare", "-m", "sh", "-c", _MOUNTED, str(directory)]
    if not Path("/proc/self/ns/mnt").exists():
        pytest.skip("only Linux has mount namespaces")
    words = ["unshare", "-Urm", "sh", "-c", _MOUNTED, str(directory)]
    tried = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this user may not mount: {tried.stderr.strip()}")
    return words


def _may_mount() -> bool:
    """Whether this process has the right itself, as root has: then a mount that fails is no skip."""
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        return False
    (rights,) = (line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(rights, 16) >> _CAP_SYS_ADMIN & 1)


def forbidden(directory: Path) -> list[str]:
    """Its mode forbids it, to root too, which has no right to overlook modes then. It stays so."""
    for path in [*directory.rglob("*"), directory]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    heeding = [sys.executable, "-c", _HEEDING] if os.geteuid() == 0 else []
    return [*heeding, "sh", "-c", _SURE, str(directory)]


WAYS = [pytest.param(mounted, marks=pytest.mark.scarce), forbidden]
