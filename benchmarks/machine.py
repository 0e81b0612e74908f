"""Which machine this is, in the words that a reader needs to compare."""

from __future__ import annotations

import mmap
import os
import platform
import subprocess
from pathlib import Path

import psutil

_PIECE = 1 << 20
_FULL = b"\xff" * _PIECE


def machine(directory: Path) -> str:
    """Cores, processor, memory, kernel, the file system of a directory, Python."""
    parts = [f"{os.cpu_count()} cores", _processor(), _memory(), f"{platform.system()} {platform.release()}"]
    parts += [_file_system(directory), f"Python {platform.python_version()}"]
    return ", ".join(part for part in parts if part)


def load() -> str:
    """The load average before the run: a busy machine makes poor figures."""
    return ", ".join(f"{each:.1f}" for each in os.getloadavg())


def warm_memory(most: int = 6 << 30) -> None:
    """Touch some of the free memory and let go of it, so that a virtual machine has it from its host.

    Else whoever is measured first pays for that, up to milliseconds for each piece.
    """
    wanted = min(most, psutil.virtual_memory().available // 2) // _PIECE * _PIECE
    with mmap.mmap(-1, wanted) as room:
        for start in range(0, wanted, _PIECE):
            room[start : start + _PIECE] = _FULL


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal"):
            return f"{int(line.split()[1]) / 2**20:.0f} GiB"
    return ""


def _file_system(directory: Path) -> str:
    found = subprocess.run(
        ["stat", "-f", "-c", "%T", str(directory)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip().replace("ext2/ext3", "ext4")


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
