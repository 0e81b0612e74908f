"""Everything a keyspace holds, read by commands that servers and the store share."""

from __future__ import annotations

from typing import Any, TypeAlias

from tests.servers.connection import Arg, Partner
from tests.servers.replies import Failure, plain

Entry: TypeAlias = tuple[str, Any, int]
Dataset: TypeAlias = dict[tuple[int, bytes], Entry]
DATABASES = 16
_READERS: dict[str, tuple[list[str], list[str]]] = {
    "string": (["GET"], []),
    "list": (["LRANGE"], ["0", "-1"]),
    "set": (["SMEMBERS"], []),
    "zset": (["ZRANGE"], ["0", "-1", "WITHSCORES"]),
    "hash": (["HGETALL"], []),
}


def keys_of(partner: Partner) -> list[bytes]:
    """All keys of the selected database, by SCAN."""
    found: set[bytes] = set()
    cursor = b"0"
    while True:
        cursor, page = partner.execute("SCAN", cursor, "COUNT", 1000)
        found.update(page)
        if cursor in (b"0", 0):
            return sorted(found)


def dataset(partner: Partner, databases: int = DATABASES) -> Dataset:
    """(database, key) → (type, value, expiry in unix ms or -1); the partner ends on database 0."""
    whole: Dataset = {}
    for database in range(databases):
        if partner.execute("SELECT", database) != "OK":
            break
        whole.update({(database, key): entry for key, entry in _database(partner).items()})
    partner.execute("SELECT", 0)
    return whole


def _database(partner: Partner) -> dict[bytes, Entry]:
    keys = keys_of(partner)
    types = [str(kind) for kind in partner.pipeline([["TYPE", key] for key in keys])]
    live = [(key, kind) for key, kind in zip(keys, types, strict=True) if kind != "none"]
    readers: list[list[Arg]] = [[*_READERS[kind][0], key, *_READERS[kind][1]] for key, kind in live]
    values = partner.pipeline(readers)
    expiries = _expiries(partner, [key for key, _ in live])
    rows = zip(live, values, expiries, strict=True)
    return {key: (kind, plain(value), expiry) for (key, kind), value, expiry in rows if expiry != -2}


def _expiries(partner: Partner, keys: list[bytes]) -> list[int]:
    """In unix ms, or -1; of a server before 7.0 as near as its clock and what is left say."""
    told = partner.pipeline([["PEXPIRETIME", key] for key in keys])
    if not any(isinstance(expiry, Failure) for expiry in told):
        return told
    seconds, micros = (int(part) for part in partner.execute("TIME"))
    now = seconds * 1000 + micros // 1000
    left = partner.pipeline([["PTTL", key] for key in keys])
    return [ms if ms < 0 else now + ms for ms in left]


def encodings(partner: Partner, databases: int = DATABASES) -> dict[tuple[int, bytes], str]:
    """(database, key) → encoding; the partner ends on database 0."""
    whole: dict[tuple[int, bytes], str] = {}
    for database in range(databases):
        if partner.execute("SELECT", database) != "OK":
            break
        keys = keys_of(partner)
        told = partner.pipeline([["OBJECT", "ENCODING", key] for key in keys])
        whole.update({(database, key): _text(name) for key, name in zip(keys, told, strict=True) if name})
    partner.execute("SELECT", 0)
    return whole


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def rendered(whole: Dataset) -> list[str]:
    """One line a key, the same for equal data."""
    return [f"{database} {key!r} {_rendered(entry)}" for (database, key), entry in sorted(whole.items())]


def _rendered(entry: Entry) -> str:
    kind, value, expiry = entry
    if isinstance(value, dict):
        value = dict(sorted(value.items()))
    return f"{kind} {expiry} {value!r}"


def compare(ours: Dataset, theirs: Dataset, expiry_slack_ms: int = 0) -> list[str]:
    """What differs, one line a key, at most twenty; expiries may lie that far apart."""
    lines: list[str] = []
    for where in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(where), theirs.get(where)
        if mine is None or other is None or not _same(mine, other, expiry_slack_ms):
            lines.append(f"db {where[0]} key {where[1]!r}: here {_short(mine)}, there {_short(other)}")
    return [*lines[:20], f"… {len(lines)} keys differ"] if len(lines) > 20 else lines


def _same(mine: Entry, other: Entry, slack: int) -> bool:
    if mine[:2] != other[:2]:
        return False
    return mine[2] == other[2] or (min(mine[2], other[2]) >= 0 and abs(mine[2] - other[2]) <= slack)


def _short(entry: Entry | None) -> str:
    text = repr(entry)
    return text if len(text) <= 200 else f"{text[:200]}…"
