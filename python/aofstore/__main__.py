"""``python -m aofstore`` and the ``aofstore`` command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module


def main() -> int:
    """Run the command line; its exit status. One line on stderr when the extra that it needs is missing."""
    try:
        run: Callable[[], int] = import_module("aofstore.cli").main
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] == "aofstore":
            raise
        print('the command line needs an extra: pip install "aofstore[cli]"', file=sys.stderr)
        return 2
    return run()


if __name__ == "__main__":
    sys.exit(main())
