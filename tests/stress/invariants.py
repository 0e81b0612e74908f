"""What must hold in a stressed store, whenever it is opened after a kill."""

from __future__ import annotations

from collections import Counter

import aofstore
from tests.stress.load import ACCOUNTS, SUM


def violations(store: aofstore.Store[bytes]) -> list[str]:
    """One line for everything that is wrong."""
    return [*_sum(store), *_lists(store), *_handed_over(store), *_leases(store)]


def _sum(store: aofstore.Store[bytes]) -> list[str]:
    balances = store.mget([f"account:{number}" for number in range(ACCOUNTS)])
    if all(balance is None for balance in balances):
        return []
    total = sum(int(balance or 0) for balance in balances)
    return [] if total == SUM else [f"the accounts hold {total}, not {SUM}"]


def _lists(store: aofstore.Store[bytes]) -> list[str]:
    wrong = []
    for key in [*store.scan_iter(match="counted:*"), *store.scan_iter(match="copied:*")]:
        numbers = [int(item) for item in store.lrange(key, 0, -1)]
        if numbers != list(range(1, len(numbers) + 1)):
            wrong.append(f"{key!r} is not 1…{len(numbers)}: {numbers[:5]}…{numbers[-5:]}")
    return wrong


def _handed_over(store: aofstore.Store[bytes]) -> list[str]:
    """Every item is in one place, once. An item may be missing only if it is its producer's last, and not
    yet pushed.
    """
    seen: Counter[bytes] = Counter()
    for key in ("taken", "queue:0", "queue:1"):
        seen.update(store.lrange(key, 0, -1))
    wrong = [f"{item!r} exists {times} times" for item, times in seen.items() if times > 1]
    for made_key in store.scan_iter(match="made:*"):
        name, made = made_key.removeprefix(b"made:"), int(store.get(made_key) or 0)
        missing = [number for number in range(1, made + 1) if b"%b/%d" % (name, number) not in seen]
        skipped = int(store.get(b"skipped:" + name) or 0)
        fresh = [number for number in missing if number > skipped and number != made]
        if len(fresh) > 0 and fresh != [made]:
            wrong.append(f"{name!r} made {made}, but these are gone: {fresh[:5]}")
        store.set(b"skipped:" + name, made)
    return wrong


def _leases(store: aofstore.Store[bytes]) -> list[str]:
    return [f"{key!r} has no TTL" for key in store.scan_iter(match="lease:*") if store.ttl(key) == -1]
