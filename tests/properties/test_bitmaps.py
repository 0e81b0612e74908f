"""The bitmaps machine."""

from __future__ import annotations

from typing import ClassVar

from tests.properties.grammar import Words, commands
from tests.properties.machine import Family
from tests.properties.values import places
from tests.servers.dataset import Dataset

TEMPLATES = """
3x SET <key> <value>
4x SETBIT <key> <offset> <bit>
2x GETBIT <key> <offset>
3x BITCOUNT <key> [<index> <index> [(BYTE|BIT)]]
3x BITPOS <key> <bit> [<index> [<index> [(BYTE|BIT)]]]
3x BITOP (AND|OR|XOR) <key> <key>+
BITOP NOT <key> <key>
2x BITFIELD <key> (GET <type> <boff>|SET <type> <boff> <int>|OVERFLOW (WRAP|SAT|FAIL))+
3x BITFIELD <key> (INCRBY <type> <boff> <int>|OVERFLOW (WRAP|SAT|FAIL))+
BITFIELD_RO <key> (GET <type> <boff>)+
GET <key>
DEL <key>
"""


class Bitmaps(Family):
    commands: ClassVar[Words] = commands(TEMPLATES, places("b", "h1"))

    def _their_log_here(self, kind: str, wanted: Dataset) -> None:
        """Not asked: a BITFIELD that fails by overflow grows the string in a server, but not in its log."""


TestBitmaps = Bitmaps.TestCase
