"""The transactions machine."""

from __future__ import annotations

from typing import ClassVar

from tests.properties.grammar import Words, commands
from tests.properties.machine import Family
from tests.properties.values import places

TEMPLATES = """
3x SET <key> <value>
INCR <key>
RPUSH l1 <value>
WATCH <key>+
UNWATCH
DISCARD
EXEC
NOSUCHCOMMAND <key>
GET
2x GET <key>
DEL <key>
EXPIRE <key> <ttl>
PING
ECHO <value>
"""


class Transactions(Family):
    commands: ClassVar[Words] = commands(TEMPLATES, places("t", "l1"))


TestTransactions = Transactions.TestCase
