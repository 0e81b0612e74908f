"""The sets machine."""

from __future__ import annotations

from typing import ClassVar

from tests.properties.grammar import Words, commands
from tests.properties.machine import Family
from tests.properties.values import places

TEMPLATES = """
5x SADD <key> <member>+
2x SADD <key> <int>+
2x SREM <key> <member>+
SISMEMBER <key> <member>
SMISMEMBER <key> <member>+
SCARD <key>
2x SMEMBERS <key>
2x SPOP <key> [<count>]
2x SRANDMEMBER <key> [<count>]
2x SMOVE <key> <key> <member>
SINTER <key>+
SINTERSTORE <key> <key>+
2x SINTERCARD <keys> [LIMIT <count>]
SUNION <key>+
SUNIONSTORE <key> <key>+
SDIFF <key>+
SDIFFSTORE <key> <key>+
SSCAN <key> 0 [MATCH <pattern>] [COUNT <positive>]
SET s1 <value>
DEL <key>
EXPIRE <key> <ttl>
"""


class Sets(Family):
    commands: ClassVar[Words] = commands(TEMPLATES, places("S", "s1"))


TestSets = Sets.TestCase
