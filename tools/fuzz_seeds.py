"""Writes fuzz/seeds and fuzz/commands.dict: what the fuzzers start from. Run again when fuzz/lines changes.

The lines of each family are a seed as they stand, and so is the log that a redis-server makes of them. Needs
redis-server; what it does not know is missing from its log, not from the lines.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

FUZZ = Path(__file__).resolve().parent.parent / "fuzz"
FAMILIES = {path.stem: path.read_bytes().strip() for path in sorted((FUZZ / "lines").glob("*.txt"))}

PAIRS = [
    *("0.1 0.2", "1e400 1", "0x1.8p3 -0x.1", "-0 0", "1e-4951 1e4932", "9223372036854775807 1"),
    *(".5 5.", "inf -inf", "+1 00", "123456789012345678901234567890e-20 3.3"),
]
PATTERNS = ["*", "a*b?c", "[a-z]*", "[^a-c]x", r"\*lit\?", "[abc", "h[]llo", "[a-", "**a*a*b", "[z-a]\\"]
GROUPS = b"string list set sorted-set hash generic bitmap transactions connection server".split()
WORDS = [
    *(b"\n1", b"\n2", b"\n3", b"\n%\n", b"\n&\n", b"\\z40", b"\\Z40", b" 0", b" -1", b" inf", b" nan"),
    *(b" 9223372036854775807", b" -9223372036854775808", b" 18446744073709551615", b" 4294967296", b" 1e308"),
    *(b"*1\r\n$", b"*3\r\n$3\r\nSET\r\n", b"$0\r\n\r\n", b"*1\r\n$5\r\nMULTI\r\n", b"*1\r\n$4\r\nEXEC\r\n"),
]


def _encoded(*argv: bytes) -> bytes:
    return b"".join([b"*%d\r\n" % len(argv), *(b"$%d\r\n%b\r\n" % (len(arg), arg) for arg in argv)])


def _words(line: bytes) -> list[bytes]:
    """What fuzz/src/words.rs makes of a line, without who says it."""
    found, at = [bytearray()], 0
    line = line.lstrip(b"123%&")
    while at < len(line):
        char, kind, code = line[at : at + 1], line[at + 1 : at + 2], line[at + 2 : at + 4]
        at += 1
        if char == b" ":
            found.append(bytearray())
        elif char != b"\\":
            found[-1] += char
        elif kind in (b"x", b"z", b"Z"):
            at += 3
            number, last = int(code, 16), bytes(found[-1][-1:]) or b"0"
            found[-1] += bytes([number]) if kind == b"x" else last * number * (64 if kind == b"Z" else 1)
        else:
            at += 1
            found[-1] += {b"n": b"\n", b"s": b" "}.get(kind, kind)
    return [bytes(word) for word in found]


class _Server:
    """A redis-server with a log, in a directory of its own."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)
        path = str(self.directory / "socket")
        settings = f"port 0\nunixsocket {path}\ndir {directory}\nappendonly yes\nsave ''\nappendfsync no\n"
        config = self.directory / "redis.conf"
        config.write_text(settings + "aof-use-rdb-preamble no\n")
        self.process = subprocess.Popen(["redis-server", str(config)], stdout=subprocess.DEVNULL)
        self.socket = socket.socket(socket.AF_UNIX)
        while self.socket.connect_ex(path):
            time.sleep(0.02)
        self.stream = self.socket.makefile("rb")

    def say(self, *argv: bytes) -> Any:
        self.socket.sendall(_encoded(*argv))
        return self.answer()

    def answer(self) -> Any:
        line = self.stream.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self.stream.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest

    def log(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.directory.glob("appendonlydir/*.incr.aof")))

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def _pairs(flat: list[Any]) -> dict[bytes, Any]:
    """A map as RESP 2 tells it."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _tokens(arguments: Iterable[Any]) -> Iterator[bytes]:
    """Every option word below a command's documented arguments."""
    for argument in map(_pairs, arguments):
        if argument.get(b"token"):
            yield b" " + argument[b"token"]
        yield from _tokens(argument.get(b"arguments", ()))


def _dictionary(server: _Server) -> str:
    """Names and options of the commands, and numbers at their limits, in libFuzzer's form."""
    found = set(WORDS)
    for name, about in _pairs(server.say(b"COMMAND", b"DOCS")).items():
        document = _pairs(about)
        if document[b"group"] in GROUPS and b"|" not in name:
            found |= {name.upper() + b" ", *_tokens(document.get(b"arguments", ()))}
    return "".join(f'"{_quoted(entry)}"\n' for entry in sorted(found))


def _quoted(entry: bytes) -> str:
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in entry
    )


def _put(target: str, name: str, content: bytes) -> None:
    path = FUZZ / "seeds" / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _put_lines() -> None:
    for family, lines in FAMILIES.items():
        for profile in b"013":
            _put("commands", f"{family}-{profile - 48}", bytes([profile]) + lines)
        _put("replay", f"{family}-1", b"1" + lines)
        _put("loader", f"lines-{family}", b"#" + lines.replace(b"\n1", b"\n").replace(b"\n2", b"\n"))


def _put_files() -> None:
    """Ends of files that no server writes."""
    _put("resp", "zeros", b"\x05\x01" + _encoded(b"PING") + bytes(64))
    _put("resp", "comment", b"\x05\x01#TS:1700000000\r\n" + _encoded(b"DEL", b"k") + b"#TS:17")
    _put("resp", "hidden", b"\x05\x01*2\r\n$3\r\nDEL\r\n$900\r\nk\r\n" + _encoded(b"DEL", b"k"))
    opened = _encoded(b"SET", b"a", b"1") + _encoded(b"MULTI") + _encoded(b"INCR", b"a")
    _put("loader", "open-multi", b" " + opened)


def _put_logs(server: _Server) -> None:
    """What the server writes for each family: whole, torn, damaged."""
    for family, lines in FAMILIES.items():
        before = len(server.log())
        for argv in map(_words, lines.splitlines()):
            if argv[0] and argv[0] not in {b"SELECT", b"WATCH"} and not argv[0].startswith(b"B"):
                server.say(*argv)
        server.say(b"FLUSHALL")
        log = server.log()[before:]
        # A SELECT stands in front only where the database changed.
        log = log if log.startswith(b"*2\r\n$6\r\nSELECT") else _encoded(b"SELECT", b"0") + log
        _put("resp", f"redis-{family}", b"\x0d\x07" + log)
        _put("resp", f"redis-{family}-torn", b"\x02\x07" + log[:-9])
        _put("loader", f"redis-{family}", b" " + log)
        _put("loader", f"redis-{family}-damaged", b"0" + bytes([len(log) // 2 % 256, 0, 4, 0, 0]) + log)


def _put_numbers() -> None:
    for index, pair in enumerate(PAIRS):
        _put("longdouble", f"pair-{index}", pair.encode())
    for index, pattern in enumerate(PATTERNS):
        _put("glob", f"pattern-{index}", bytes([len(pattern)]) + pattern.encode() + b"abcxhello*lit?aab")


def _put_packs() -> None:
    """Own edits of every kind, and foreign bytes of the two formats."""
    for first in range(12):
        steps = (bytes([(first + step) % 12, step * 7, step * 13 % 256, 5, 1, 2, 3]) for step in range(24))
        _put("listpack", f"edits-{first}", b"\x00" + b"".join(steps))
    pack = bytes([13, 0, 0, 0, 2, 0, 0x82]) + b"f1" + bytes([3, 1, 1, 0xFF])
    _put("listpack", "foreign", bytes([1, len(pack)]) + pack + bytes(range(40)))
    adds = b"".join(bytes([0, form, *range(1, 9)]) for form in range(32))
    removes = b"".join(bytes([2, form, *range(1, 9)]) for form in range(0, 32, 3))
    _put("intset", "adds", b"\x00" + adds + removes)
    _put("intset", "foreign", b"\x01" + bytes([2, 0, 0, 0, 3, 0, 0, 0, 1, 0, 2, 0, 3, 0]))
    _put("intset", "foreign-wide", b"\x01" + bytes([8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]))


def main() -> None:
    """Writes everything; what a found bug left under another name stays."""
    _put_lines()
    _put_files()
    _put_numbers()
    _put_packs()
    with tempfile.TemporaryDirectory() as directory:
        server = _Server(directory)
        try:
            (FUZZ / "commands.dict").write_text(_dictionary(server))
            _put_logs(server)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
