"""``python -m tests.golden.record FILE…`` writes replies and log records into scripts, for a reviewer to
read the diff.

``--server redis|valkey`` asks a real server instead and prints the difference without touching the file; with
``--write`` its answers go into the file, which is how a script starts.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
from pathlib import Path

from tests.golden.transcript import Replay


def recorded(script: str, server: str | None) -> str:
    """The script with the replies and records that the store, or a server, gives."""
    with tempfile.TemporaryDirectory(prefix="golden-") as name:
        directory = Path(name) / "data"
        if server is not None:
            from tests.golden.server_target import ServerTarget

            target = ServerTarget(server, directory)
            try:
                return Replay(target).run(script)
            finally:
                target.close()
        from tests.golden.store_target import StoreTarget

        store_target = StoreTarget(directory)
        try:
            return Replay(store_target).run(script)
        finally:
            store_target.close()


def difference(before: str, after: str, name: str, teller: str) -> str:
    """A unified diff, empty if both say the same."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, f"{name} ({teller})", lineterm="", n=4
    )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--server", choices=["redis", "valkey"])
    parser.add_argument("--write", action="store_true", help="write a server's answers into the file")
    parser.add_argument("--check", action="store_true", help="print the difference, write nothing")
    options = parser.parse_args()
    changed = False
    for path in options.files:
        before = path.read_text(encoding="utf-8")
        after = recorded(before, options.server)
        changed |= after != before
        if options.check or (options.server and not options.write):
            print(difference(before, after, str(path), options.server or "store") or f"{path}: same")
        else:
            path.write_text(after, encoding="utf-8")
    return 1 if changed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
