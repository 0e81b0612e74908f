"""The typed commands: one class a family, joined in `Commands`.

A method has redis-py's name, parameters and return shape; it makes the arguments, and `family` sends them.
Nothing in here knows a file or the extension module.
"""

from __future__ import annotations

from ..types import V
from .bitmaps import BitFieldOperation, BitmapCommands
from .databases import DatabaseCommands
from .hashes import HashCommands
from .keys import KeyCommands
from .lists import ListCommands
from .scanning import ScanCommands
from .server import ServerCommands
from .sets import SetCommands
from .sorted_set_ranges import SortedSetRangeCommands
from .sorted_sets import SortedSetCommands
from .strings import StringCommands

__all__ = ["BitFieldOperation", "Commands"]


class Commands(
    StringCommands[V],
    BitmapCommands[V],
    ListCommands[V],
    SetCommands[V],
    SortedSetCommands[V],
    SortedSetRangeCommands[V],
    HashCommands[V],
    KeyCommands[V],
    ScanCommands[V],
    DatabaseCommands[V],
    ServerCommands[V],
):
    """Every command of every family."""
