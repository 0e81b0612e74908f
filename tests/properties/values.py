"""What commands are made of: few keys, so that types collide, and the values that encodings change at."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.properties.grammar import Places, Words, one

FAR_FUTURE_S = 4_102_444_800
INTEGERS = [0, 1, -1, 2, 3, 10, -7, 255, 1000, 2**31, -(2**31), 2**63 - 1, -(2**63)]
TEXTS = [b"", b"a", b"b", b"abc", b"ABC", b"007", b"+1", b"-0", b" 1", b"1e3", b"3.0", b"x" * 63, b"y" * 70]
ODD_NUMBERS = [
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"1" * 40,
    b"nan",
    b"0x10",
]
FLOATS = [b"0", b"1", b"-1.5", b"0.1", b"3.14159", b"1e5", b"1e-7", b"2.5", b"-0.25", b"100"]
SCORES = [*FLOATS, b"inf", b"-inf", b"(1", b"5e-324", b"1e300", b"33333333333333.33", b"-0"]


def _integers(*extra: int, low: int = -8, high: int = 12) -> Words:
    numbers = st.one_of(st.integers(low, high), st.sampled_from([*extra, low]))
    return one(numbers.map(lambda number: str(number).encode()))


def counted(item: Words, most: int = 3) -> Words:
    """A count and that many items."""
    lists = st.lists(item, min_size=1, max_size=most)
    return lists.map(lambda items: [str(len(items)).encode(), *(word for words in items for word in words)])


def weighted(key: Words) -> Words:
    """A count, keys, and as many weights."""
    pairs = st.lists(st.tuples(key, st.sampled_from(FLOATS)), min_size=1, max_size=3)
    return pairs.map(
        lambda items: [
            str(len(items)).encode(),
            *(word for words, _ in items for word in words),
            b"WEIGHTS",
            *(weight for _, weight in items),
        ]
    )


def places(prefix: str, other: str) -> Places:
    """Places whose keys start with a family's prefix; one key in eight belongs to another family."""
    own = [f"{prefix}{number}".encode() for number in (1, 2, 3, 1, 2, 3, 4)]
    key = one(st.sampled_from([*own, other.encode()]))
    value = one(
        st.one_of(st.sampled_from(TEXTS + ODD_NUMBERS), st.integers(-100, 100).map(lambda n: b"%d" % n))
    )
    member = one(
        st.one_of(
            st.sampled_from([b"a", b"b", b"c", b"d", b"e", b""]), st.integers(-3, 20).map(lambda n: b"%d" % n)
        )
    )
    return {
        "key": key,
        "keys": counted(key),
        "wkeys": weighted(key),
        "value": st.one_of(value, one(st.binary(max_size=12))),
        "member": st.one_of(member, value),
        "field": one(st.sampled_from([b"f", b"g", b"h", b"1", b"", b"long" * 20])),
        "int": st.one_of(_integers(), one(st.sampled_from([str(n).encode() for n in INTEGERS]))),
        "small": _integers(),
        "count": _integers(low=-1, high=5),
        "positive": _integers(1, low=1, high=6),
        "index": _integers(100, -100, low=-6, high=6),
        "offset": _integers(100, low=0, high=80),
        "bit": one(st.sampled_from([b"0", b"1", b"0", b"1", b"2"])),
        "float": one(st.sampled_from(FLOATS)),
        "score": one(st.sampled_from(SCORES)),
        "bound": one(st.sampled_from([b"-inf", b"+inf", b"0", b"1", b"(1", b"2.5", b"(inf", b"-1", b"3"])),
        "lex": one(st.sampled_from([b"-", b"+", b"[a", b"(a", b"[c", b"(d", b"[", b"[1"])),
        "ttl": one(st.sampled_from([b"100000", b"500000", b"100000", b"-1", b"0"])),
        "when": one(st.sampled_from([b"%d" % (FAR_FUTURE_S + n) for n in (0, 1, 1000)] + [b"1", b"-5"])),
        "whenms": one(st.sampled_from([b"%d" % (1000 * FAR_FUTURE_S + n) for n in (0, 1, 12345)] + [b"1"])),
        "pattern": one(st.sampled_from([b"*", b"a*", b"[a-c]", b"?", b"*1", b"", b"[^a]*", b"\\a"])),
        "db": one(st.sampled_from([b"0", b"1", b"2"])),
        "type": one(st.sampled_from([b"u4", b"i5", b"u8", b"i16", b"u63", b"i64", b"u64", b"i0"])),
        "boff": one(st.sampled_from([b"0", b"1", b"7", b"#1", b"#2", b"100"])),
    }
