"""The end of a log's last file when it is damaged: cut it, as far as the settings allow, or say what would.

Redis cuts whatever is left when it is shorter than ``aof-load-corrupt-tail-max-size``, whole commands behind
the damage too. Here nothing is cut that holds a whole command, and the size that the error names is enough.
"""

from __future__ import annotations

from typing import NoReturn

from ._core import Loader
from .config import Config
from .errors import AofLoadError

#: Ends up to this size are looked through for the sake of the advice alone.
_SMALL = 1 << 20


def forgive(error: AofLoadError, loader: Loader, config: Config) -> None:
    """After ``error`` in the last file: returns when its end may be cut as a torn one, else raises."""
    # Cutting inside a snapshot would leave half of the data, and not the older half.
    if error.kind != "format" or error.offset is None or loader.in_snapshot:
        raise error
    size, allowed = loader.bytes_total - loader.valid_to, config.aof_load_corrupt_tail_max_size
    if not config.aof_load_truncated or size > max(allowed, _SMALL):
        raise error
    found, at = loader.look_behind(error.offset)
    if found == "commands":
        _refuse(error, f"whole commands follow at offset {at}, which cutting the file here would lose")
    if found != "nothing":
        raise error
    if size > allowed:
        _refuse(
            error,
            f"no whole command is in the last {size} bytes: aof_load_corrupt_tail_max_size={size} cuts them "
            f"off at offset {loader.valid_to} and keeps them in a file beside",
        )


def _refuse(error: AofLoadError, advice: str) -> NoReturn:
    raise AofLoadError(f"{error}; {advice}", kind=error.kind, path=error.path, offset=error.offset) from error
