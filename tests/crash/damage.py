"""Files cut at every byte and with every bit flipped, opened in a process of its own that may not die, hang
or swell.

``python -m tests.crash.damage LOG WORK_DIR KIND [CONTROL]`` opens every variant and prints one line of JSON
for each.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aofstore
from tests.crash.findings import Findings
from tests.servers.connection import StoreConnection
from tests.servers.dataset import dataset
from tests.servers.resp import encode, records

ROOT = Path(__file__).parents[2]
HANG_SECONDS = 30
MEMORY = 100 << 20
# Where a command begins, its name being the second line.
BEGIN = re.compile(rb"\*\d+\r\n\$\d+\r\n")


def variants(log: bytes, kind: str) -> Iterator[tuple[str, bytes]]:
    """Every damaged form of a log."""
    if kind == "cut":
        for length in range(len(log) + 1):
            yield f"cut at {length}", log[:length]
    else:
        for at in range(len(log)):
            for bit in range(8):
                yield f"bit {bit} of byte {at}", log[:at] + bytes([log[at] ^ 1 << bit]) + log[at + 1 :]


def opened(directory: Path, data: bytes, *, forgiving: bool, touch: bool = False) -> dict[str, Any]:
    """What opening a file with these bytes does."""
    path = directory / "appendonly.aof"
    for old in directory.glob("*"):
        old.unlink()
    path.write_bytes(data)
    before = hashlib.sha256(data).hexdigest()
    try:
        with aofstore.open(
            directory, aof_layout="single-file", appendfsync="no", aof_load_truncated=forgiving
        ) as store:
            said = {
                "data": repr(sorted(dataset(StoreConnection(store), 2).items())),
                "size": path.stat().st_size,
            }
            return {
                "outcome": "opened",
                "dropped": sum(cut.dropped_bytes for cut in store.load_report.truncations),
                **said,
            }
    except aofstore.AofLoadError as error:
        if touch:
            path.write_bytes(data + b"x")
        same = hashlib.sha256(path.read_bytes()).hexdigest() == before
        return {"outcome": error.kind, "offset": error.offset, "untouched": same}


def whole_prefixes(log: bytes) -> list[int]:
    """Offsets at which a cut may leave the file: after a command outside MULTI."""
    ends, inside = [0], False
    for end, args in records(log):
        inside = (inside or args[:1] == [b"MULTI"]) and args[:1] != [b"EXEC"]
        if not inside:
            ends.append(end)
    return ends


def kept_half(data: bytes) -> bytes:
    """What a loader would have made of an open MULTI block if it kept the commands in it."""
    ends, inside = [0], False
    try:
        for end, args in records(data):
            inside = (inside or args[:1] == [b"MULTI"]) and args[:1] != [b"EXEC"]
            ends.append(end)
    except ValueError:
        pass
    return data[: ends[-1]] + encode([b"EXEC"]) if inside else data


def lose_last_record(path: Path) -> None:
    """Cuts a whole command off the end of a log, as a store would that had never written it.

    What begins last may be torn, so it is the one before that too. A snapshot may precede them all.
    """
    if not path.exists():
        return
    data = path.read_bytes()
    begins = [found.start() for found in BEGIN.finditer(data)]
    path.write_bytes(data[: begins[-2]] if len(begins) > 1 else b"")


def child(log: Path, directory: Path, kind: str, control: str) -> None:
    """Opens all variants; memory is limited to what it is now and a constant."""
    logging.getLogger("aofstore").setLevel(logging.CRITICAL)
    data = log.read_bytes()
    opened(directory, data, forgiving=True)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    half = control == "harness-half"
    for number, (name, variant) in enumerate(variants(data, kind)):
        if control == "harness-crash" and number == 50:
            os.kill(os.getpid(), signal.SIGSEGV)
        signal.alarm(HANG_SECONDS)
        start = time.monotonic()
        report = opened(
            directory,
            kept_half(variant) if half else variant,
            forgiving=True,
            touch=control == "harness-touch",
        )
        print(json.dumps({"name": name, "seconds": time.monotonic() - start, **report}), flush=True)


@dataclass
class Damage(Findings):
    """What a run over all variants saw."""

    reports: list[dict[str, Any]] = field(default_factory=list)


def run(log: bytes, work: Path, kind: str, control: str = "") -> Damage:
    """All variants of one kind in a child process, judged."""
    seen = Damage()
    directory = work / "variant"
    directory.mkdir(parents=True, exist_ok=True)
    (work / "log").write_bytes(log)
    words = [sys.executable, "-m", "tests.crash.damage", str(work / "log"), str(directory), kind, control]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        seen.reports = [json.loads(line) for line in process.stdout]
    total = sum(1 for _ in variants(log, kind))
    if process.returncode == -signal.SIGALRM:
        seen.add("hung", f"nothing for {HANG_SECONDS} s after {len(seen.reports)} variants")
    elif process.returncode != 0 or len(seen.reports) != total:
        seen.add("crashed", f"status {process.returncode} after {len(seen.reports)} of {total} variants")
    whole = (
        {int(report["name"].split()[-1]): report.get("data") for report in seen.reports}
        if kind == "cut"
        else {}
    )
    for report in seen.reports:
        _judge(seen, report, log, whole)
    return seen


def _judge(seen: Damage, report: dict[str, Any], log: bytes, whole: dict[int, str | None]) -> None:
    """``whole``: the data after a cut at each offset, for files that were only cut."""
    name = report["name"]
    if report["outcome"] != "opened":
        if not report["untouched"]:
            seen.add("touched", f"{name}: {report['outcome']}, and the file was changed")
        if whole:
            seen.add("refused", f"{name}: {report['outcome']} at {report['offset']}")
    elif whole:
        length = int(name.split()[-1])
        wanted = max(end for end in whole_prefixes(log) if end <= length)
        if (
            report["size"] != wanted
            or report["dropped"] != length - wanted
            or report["data"] != whole[wanted]
        ):
            seen.add(
                "half", f"{name}: {report['size']} bytes kept, {report['dropped']} dropped, wanted {wanted}"
            )


if __name__ == "__main__":
    child(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else "")
