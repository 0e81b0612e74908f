"""The lists machine."""

from __future__ import annotations

from typing import ClassVar

from tests.properties.grammar import Words, commands
from tests.properties.machine import Family
from tests.properties.values import places

TEMPLATES = """
4x RPUSH <key> <value>+
4x LPUSH <key> <value>+
LPUSHX <key> <value>+
RPUSHX <key> <value>+
2x LPOP <key> [<count>]
2x RPOP <key> [<count>]
LLEN <key>
3x LRANGE <key> <index> <index>
LINDEX <key> <index>
2x LSET <key> <index> <value>
2x LINSERT <key> (BEFORE|AFTER) <value> <value>
2x LREM <key> <index> <value>
2x LTRIM <key> <index> <index>
2x LPOS <key> <value> [RANK <index>] [COUNT <count>] [MAXLEN <count>]
2x LMOVE <key> <key> (LEFT|RIGHT) (LEFT|RIGHT)
RPOPLPUSH <key> <key>
2x LMPOP <keys> (LEFT|RIGHT) [COUNT <count>]
SORT <key> [LIMIT 0 <count>] [(ASC|DESC)] ALPHA [STORE <key>]
2x SORT <key> [BY nosort] [GET w_*] [GET #]
SORT_RO <key> ALPHA [DESC]
SET s1 <value>
DEL <key>
EXPIRE <key> <ttl>
"""


class Lists(Family):
    commands: ClassVar[Words] = commands(TEMPLATES, places("l", "s1"))


TestLists = Lists.TestCase
