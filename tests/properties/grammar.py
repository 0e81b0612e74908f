"""Commands from templates: ``SET <key> <value> [(NX|XX)] [GET] [EX <ttl>]`` becomes a strategy of argument
lists.

``[…]`` may be absent, ``(a|b)`` is a choice, ``+`` behind an item repeats it one to four times, ``*`` none
to three. ``<keys>`` is a count with that many keys. One command in twelve is damaged, to compare error
texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from hypothesis import strategies as st

Words: TypeAlias = "st.SearchStrategy[list[bytes]]"
Places: TypeAlias = Mapping[str, Words]
_TOKEN = re.compile(r"<\w+>|[\[\]()|]|[+*](?=\s|$|[\])|])|[^\s\[\]()|<>]+")


def one(strategy: st.SearchStrategy[bytes]) -> Words:
    """A place that is always one argument."""
    return strategy.map(lambda item: [item])


def commands(templates: str, places: Places) -> Words:
    """Commands of all templates, one a line; a line ``2x SET …`` counts twice."""
    choices: list[Words] = []
    for line in templates.strip().splitlines():
        weight, _, rest = line.strip().partition("x ")
        text, times = (rest, int(weight)) if weight.isdigit() else (line, 1)
        choices.extend([template(text, places)] * times)
    whole = st.one_of(choices)
    return st.integers(0, 11).flatmap(lambda dice: damaged(whole) if dice == 7 else whole)


def template(text: str, places: Places) -> Words:
    """The strategy of one template."""
    tokens = _TOKEN.findall(text)
    parsed, at = _sequence(tokens, 0, places)
    if at != len(tokens):
        raise ValueError(f"unbalanced brackets: {text}")
    return parsed


def _sequence(tokens: Sequence[str], at: int, places: Places) -> tuple[Words, int]:
    parts: list[Words] = []
    alternatives: list[Words] = []
    while at < len(tokens) and tokens[at] not in ("]", ")"):
        if tokens[at] == "|":
            alternatives.append(_joined(parts))
            parts, at = [], at + 1
            continue
        part, at = _item(tokens, at, places)
        if at < len(tokens) and tokens[at] in ("+", "*"):
            fewest, most = (1, 4) if tokens[at] == "+" else (0, 3)
            part, at = st.lists(part, min_size=fewest, max_size=most).map(_flat), at + 1
        parts.append(part)
    whole = _joined(parts)
    return (st.one_of(*alternatives, whole) if alternatives else whole), at


def _item(tokens: Sequence[str], at: int, places: Places) -> tuple[Words, int]:
    token = tokens[at]
    if token in ("[", "("):
        inner, end = _sequence(tokens, at + 1, places)
        if end >= len(tokens) or tokens[end] != ("]" if token == "[" else ")"):
            raise ValueError(f"unbalanced brackets: {' '.join(tokens)}")
        return (st.one_of(st.just([]), inner) if token == "[" else inner), end + 1
    if token.startswith("<"):
        return places[token[1:-1]], at + 1
    return st.just([token.encode()]), at + 1


def _joined(parts: Sequence[Words]) -> Words:
    return parts[0] if len(parts) == 1 else st.tuples(*parts).map(_flat)


def _flat(parts: Sequence[list[bytes]]) -> list[bytes]:
    return [word for part in parts for word in part]


@st.composite
def damaged(draw: st.DrawFn, whole: Words) -> list[bytes]:
    """A command with an argument dropped, doubled, swapped or replaced."""
    args = list(draw(whole))
    at = draw(st.integers(1, max(1, len(args) - 1)))
    how = draw(st.sampled_from(["drop", "double", "swap", "junk", "lower"]))
    if at >= len(args) or how == "lower":
        return [args[0].lower(), *args[1:]]
    if how == "drop":
        return args[:at] + args[at + 1 :]
    if how == "double":
        return [*args[: at + 1], *args[at:]]
    if how == "swap":
        args[at], args[-1] = args[-1], args[at]
        return args
    return [
        *args[:at],
        draw(st.sampled_from([b"", b"x", b"-1", b"1.5", b"9223372036854775808"])),
        *args[at + 1 :],
    ]
