"""The strings machine."""

from __future__ import annotations

from typing import ClassVar

from tests.properties.grammar import Words, commands
from tests.properties.machine import Family
from tests.properties.values import places

TEMPLATES = """
4x SET <key> <value> [(NX|XX)] [GET] [(EX <ttl>|PX <ttl>|EXAT <when>|PXAT <whenms>|KEEPTTL)]
3x SET <key> <value>
2x GET <key>
GETSET <key> <value>
GETDEL <key>
2x GETEX <key> [(EX <ttl>|PX <ttl>|EXAT <when>|PXAT <whenms>|PERSIST)]
SETEX <key> <ttl> <value>
PSETEX <key> <ttl> <value>
SETNX <key> <value>
MSET (<key> <value>)+
MSETNX (<key> <value>)+
MGET <key>+
2x APPEND <key> <value>
STRLEN <key>
2x INCR <key>
DECR <key>
2x INCRBY <key> <int>
2x DECRBY <key> <int>
2x INCRBYFLOAT <key> <float>
GETRANGE <key> <index> <index>
SUBSTR <key> <index> <index>
2x SETRANGE <key> <offset> <value>
2x LCS <key> <key> [LEN] [IDX] [MINMATCHLEN <small>] [WITHMATCHLEN]
DEL <key>+
EXPIRE <key> <ttl>
PTTL <key>
"""


class Strings(Family):
    commands: ClassVar[Words] = commands(TEMPLATES, places("s", "h1"))


TestStrings = Strings.TestCase
