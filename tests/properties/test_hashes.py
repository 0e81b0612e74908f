"""The hashes machine."""

from __future__ import annotations

from typing import ClassVar

from tests.properties.grammar import Words, commands
from tests.properties.machine import Family
from tests.properties.values import places

TEMPLATES = """
5x HSET <key> (<field> <value>)+
HMSET <key> (<field> <value>)+
HSETNX <key> <field> <value>
2x HGET <key> <field>
HMGET <key> <field>+
2x HGETALL <key>
2x HDEL <key> <field>+
HEXISTS <key> <field>
HLEN <key>
HSTRLEN <key> <field>
HKEYS <key>
HVALS <key>
3x HINCRBY <key> <field> <int>
3x HINCRBYFLOAT <key> <field> <float>
2x HRANDFIELD <key> [<count> [WITHVALUES]]
HSCAN <key> 0 [MATCH <pattern>] [COUNT <positive>]
SET s1 <value>
DEL <key>
EXPIRE <key> <ttl>
"""


class Hashes(Family):
    commands: ClassVar[Words] = commands(TEMPLATES, places("h", "s1"))


TestHashes = Hashes.TestCase
