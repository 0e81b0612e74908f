"""The keys machine."""

from __future__ import annotations

from typing import ClassVar

from tests.properties.grammar import Words, commands
from tests.properties.machine import Family
from tests.properties.values import places

TEMPLATES = """
3x SET <key> <value>
2x RPUSH l1 <value>+
SADD <key> <member>+
HSET <key> <field> <value>
ZADD <key> <float> <member>
2x DEL <key>+
UNLINK <key>+
EXISTS <key>+
TYPE <key>
KEYS <pattern>
2x SCAN 0 [MATCH <pattern>] [COUNT 1000] [TYPE (string|list|set|hash|zset)]
RANDOMKEY
2x RENAME <key> <key>
2x RENAMENX <key> <key>
3x COPY <key> <key> [DB <db>] [REPLACE]
2x MOVE <key> <db>
TOUCH <key>+
2x EXPIRE <key> <ttl> [(NX|XX|GT|LT)]
2x PEXPIRE <key> <ttl> [(NX|XX|GT|LT)]
2x EXPIREAT <key> <when> [(NX|XX|GT|LT)]
2x PEXPIREAT <key> <whenms> [(NX|XX)] [(GT|LT)]
TTL <key>
PTTL <key>
EXPIRETIME <key>
PEXPIRETIME <key>
PERSIST <key>
SORT <key> [LIMIT <count> <count>] [(ASC|DESC)] ALPHA [STORE <key>]
SORT l1 BY w_* ALPHA [GET w_*] [GET #]
OBJECT REFCOUNT <key>
"""


class Keys(Family):
    commands: ClassVar[Words] = commands(TEMPLATES, places("k", "l1"))


TestKeys = Keys.TestCase
