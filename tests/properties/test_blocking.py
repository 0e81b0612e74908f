"""The blocking machine."""

from __future__ import annotations

from typing import ClassVar

from tests.properties.grammar import Words, commands
from tests.properties.machine import Family
from tests.properties.values import places

TEMPLATES = """
4x RPUSH <key> <value>+
2x LPUSH <key> <value>
2x ZADD z9 <float> <value>
2x BLPOP <key>+ 0.01
2x BRPOP <key>+ 0.01
2x BLMOVE <key> <key> (LEFT|RIGHT) (LEFT|RIGHT) 0.01
BRPOPLPUSH <key> <key> 0.01
2x BLMPOP 0.01 <keys> (LEFT|RIGHT) [COUNT <count>]
BZPOPMIN <key>+ 0.01
BZPOPMAX z9 0.01
2x BZMPOP 0.01 (1 z9|<keys>) (MIN|MAX) [COUNT <count>]
LRANGE <key> 0 -1
"""


class Blocking(Family):
    commands: ClassVar[Words] = commands(TEMPLATES, places("l", "z9"))


TestBlocking = Blocking.TestCase
