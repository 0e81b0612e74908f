"""The databases machine."""

from __future__ import annotations

from typing import ClassVar

from tests.properties.grammar import Words, commands
from tests.properties.machine import Family
from tests.properties.values import places

TEMPLATES = """
3x SET <key> <value>
RPUSH <key> <value>
2x DBSIZE
2x SWAPDB <db> <db>
FLUSHDB [(SYNC|ASYNC)]
FLUSHALL [(SYNC|ASYNC)]
SWAPDB 0 16
SELECT 16
SELECT x
2x MOVE <key> <db>
COPY <key> <key> DB <db> [REPLACE]
EXPIRE <key> <ttl>
"""


class Databases(Family):
    commands: ClassVar[Words] = commands(TEMPLATES, places("d", "l1"))


TestDatabases = Databases.TestCase
