"""Paths as callers give them and as messages show them.

A name on Linux is bytes. What of it is not UTF-8 Python keeps as lone surrogates, which cannot be printed.
"""

from __future__ import annotations

import os
import re
from typing import TypeAlias

AnyPath: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_NO_TEXT = re.compile("[\ud800-\udfff]")
_FIRST_BYTE = 0xDC00


def shown(path: str | os.PathLike[str]) -> str:
    r"""The path for people, with ``\xff`` for a byte that is no text."""
    return _NO_TEXT.sub(_escaped, os.fspath(path))


def is_text(name: str) -> bool:
    """Whether all of it is text, as in the names of a store's own files."""
    return _NO_TEXT.search(name) is None


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - _FIRST_BYTE:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
