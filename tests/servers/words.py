"""Command lines into arguments, with redis-cli's quoting."""

from __future__ import annotations

_SIMPLE = {"n": 10, "r": 13, "t": 9, "a": 7, "b": 8}


def split_line(line: str) -> list[bytes]:
    """Arguments of a line: bare words, ``"…"`` with ``\\n \\xHH`` escapes, ``'…'`` with ``\\'`` only."""
    args: list[bytes] = []
    at = 0
    while True:
        while at < len(line) and line[at].isspace():
            at += 1
        if at == len(line):
            return args
        arg = bytearray()
        while at < len(line) and not line[at].isspace():
            if line[at] == '"':
                at = _double(line, at + 1, arg)
            elif line[at] == "'":
                at = _single(line, at + 1, arg)
            else:
                arg += line[at].encode()
                at += 1
        args.append(bytes(arg))


def _double(line: str, at: int, arg: bytearray) -> int:
    while at < len(line):
        char = line[at]
        if char == '"':
            return _closed(line, at + 1)
        if char == "\\" and line[at + 1 : at + 2] == "x":
            arg.append(int(line[at + 2 : at + 4], 16))
            at += 4
        elif char == "\\" and at + 1 < len(line):
            follower = line[at + 1]
            arg += bytes([_SIMPLE[follower]]) if follower in _SIMPLE else follower.encode()
            at += 2
        else:
            arg += char.encode()
            at += 1
    raise ValueError(f"a quote is not closed: {line}")


def _single(line: str, at: int, arg: bytearray) -> int:
    while at < len(line):
        if line[at] == "'":
            return _closed(line, at + 1)
        if line.startswith("\\'", at):
            at += 1
        arg += line[at].encode()
        at += 1
    raise ValueError(f"a quote is not closed: {line}")


def _closed(line: str, at: int) -> int:
    if at < len(line) and not line[at].isspace():
        raise ValueError(f"a closing quote wants a blank behind it: {line}")
    return at
