"""The sorted sets machine."""

from __future__ import annotations

from typing import ClassVar

from tests.properties.grammar import Words, commands
from tests.properties.machine import Family
from tests.properties.values import places

TEMPLATES = """
5x ZADD <key> [(NX|XX)] [(GT|LT)] [CH] (<score> <member>)+
ZADD <key> [(NX|XX|GT|LT)] INCR <score> <member>
2x ZINCRBY <key> <score> <member>
ZREM <key> <member>+
ZSCORE <key> <member>
ZMSCORE <key> <member>+
ZCARD <key>
ZCOUNT <key> <bound> <bound>
ZLEXCOUNT <key> <lex> <lex>
2x ZRANK <key> <member> [WITHSCORE]
ZREVRANK <key> <member> [WITHSCORE]
2x ZRANGE <key> <index> <index> [REV] [WITHSCORES]
2x ZRANGE <key> <bound> <bound> BYSCORE [REV] [LIMIT <count> <count>] [WITHSCORES]
2x ZRANGE <key> <lex> <lex> BYLEX [REV] [LIMIT <count> <count>]
2x ZRANGESTORE <key> <key> (<index> <index>|<bound> <bound> BYSCORE|<lex> <lex> BYLEX) [REV] [LIMIT 0 <count>]
ZREVRANGE <key> <index> <index> [WITHSCORES]
ZRANGEBYSCORE <key> <bound> <bound> [WITHSCORES] [LIMIT <count> <count>]
ZREVRANGEBYSCORE <key> <bound> <bound> [WITHSCORES] [LIMIT <count> <count>]
ZRANGEBYLEX <key> <lex> <lex> [LIMIT <count> <count>]
ZREVRANGEBYLEX <key> <lex> <lex> [LIMIT <count> <count>]
ZREMRANGEBYRANK <key> <index> <index>
ZREMRANGEBYSCORE <key> <bound> <bound>
ZREMRANGEBYLEX <key> <lex> <lex>
2x ZPOPMIN <key> [<count>]
ZPOPMAX <key> [<count>]
2x ZMPOP <keys> (MIN|MAX) [COUNT <count>]
ZRANDMEMBER <key> [<count> [WITHSCORES]]
2x ZUNION (<keys>|<wkeys>) [AGGREGATE (SUM|MIN|MAX)] [WITHSCORES]
2x ZUNIONSTORE <key> (<keys>|<wkeys>) [AGGREGATE (SUM|MIN|MAX)]
ZINTER (<keys>|<wkeys>) [AGGREGATE (SUM|MIN|MAX)] [WITHSCORES]
ZINTERSTORE <key> (<keys>|<wkeys>) [AGGREGATE (SUM|MIN|MAX)]
2x ZINTERCARD <keys> [LIMIT <count>]
ZDIFF <keys> [WITHSCORES]
ZDIFFSTORE <key> <keys>
ZSCAN <key> 0 [MATCH <pattern>] [COUNT <positive>]
2x SADD S1 <member>+
DEL <key>
EXPIRE <key> <ttl>
"""


class SortedSets(Family):
    commands: ClassVar[Words] = commands(TEMPLATES, places("z", "S1"))


TestSortedSets = SortedSets.TestCase
