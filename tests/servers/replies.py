"""One form for a reply, whoever gave it: a server over a socket or the store by ``execute_command``.

Statuses and errors keep their own types, so that ``OK`` and ``"OK"`` stay different; sets and maps lose the
order that no client may rely on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias


class Status(str):
    """A simple string: ``OK``, ``QUEUED``, the type name that TYPE gives."""


class Failure(str):
    """An error reply with its code: ``ERR no such key``."""


@dataclass(frozen=True)
class Members:
    """A RESP3 set, in a fixed order."""

    items: tuple[Any, ...]

    @classmethod
    def of(cls, items: Iterable[Any]) -> Members:
        return cls(tuple(sorted(items, key=sort_key)))


Reply: TypeAlias = (
    "bool | int | float | bytes | Status | Failure | Members | list[Reply] | dict[Any, Reply] | None"
)


def sort_key(reply: Any) -> tuple[str, str]:
    """An order over replies of any type."""
    return type(reply).__name__, repr(reply)


def failure(error: BaseException) -> Failure:
    """The text of an error reply, with its code in front exactly once."""
    text = str(error)
    code = getattr(error, "code", "") or ""
    return Failure(text if not code or text.startswith(f"{code} ") or text == code else f"{code} {text}")


def canonical(raw: Any) -> Any:
    """A raw reply of the store in the common form."""
    if isinstance(raw, (Status, Failure, Members)):
        return raw
    if isinstance(raw, str):
        return Status(raw)
    if isinstance(raw, (bytearray, memoryview)):
        return bytes(raw)
    if isinstance(raw, BaseException):
        return failure(raw)
    if isinstance(raw, (set, frozenset)):
        return Members.of(canonical(item) for item in raw)
    if isinstance(raw, Mapping):
        return {_hashable(canonical(key)): canonical(value) for key, value in raw.items()}
    if isinstance(raw, (list, tuple)):
        return [canonical(item) for item in raw]
    return raw


STATUS_ONLY = {b"TYPE", b"DEBUG", b"BGREWRITEAOF", b"BGSAVE"}
STATUS_TEXTS = {b"OK", b"QUEUED", b"PONG"}


def with_statuses(args: Sequence[bytes], reply: Any) -> Any:
    """Marks what a server sends as a simple string: the store's raw replies are bytes for both kinds of
    text.
    """
    if isinstance(reply, bytes):
        is_status = args[0].upper() in STATUS_ONLY or reply in STATUS_TEXTS
        return Status(reply.decode("utf-8", "backslashreplace")) if is_status else reply
    if isinstance(reply, list) and args[0].upper() == b"EXEC":
        return [with_statuses(args, item) if isinstance(item, bytes) else item for item in reply]
    return reply


def _hashable(key: Any) -> Any:
    return tuple(_hashable(item) for item in key) if isinstance(key, list) else key


def sorted_reply(reply: Any) -> Any:
    """A reply whose outermost order does not count."""
    if isinstance(reply, list):
        return sorted(reply, key=sort_key)
    if isinstance(reply, dict):
        return dict(sorted(reply.items(), key=lambda item: sort_key(item[0])))
    return reply


def plain(reply: Any) -> Any:
    """A reply without what need not agree: the order of maps; statuses and strings apart, which the raw
    replies of the store do not show; the sign of zero, lost by servers in small sorted sets, kept here: T-11.
    """
    if isinstance(reply, Status):
        return str(reply).encode()
    if isinstance(reply, float):
        return reply + 0.0
    if isinstance(reply, list):
        return [plain(item) for item in reply]
    if isinstance(reply, dict):
        return {key: plain(reply[key]) for key in sorted(reply, key=sort_key)}
    return reply


def number_text(value: float) -> str:
    """A double as text that does not depend on who printed it."""
    if value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) < 1e17:
        return "-0" if value == 0 and str(value).startswith("-") else str(int(value))
    return repr(value)


def render(reply: Any) -> list[str]:
    """The lines that redis-cli would print in RESP3 mode."""
    if reply is None:
        return ["(nil)"]
    if isinstance(reply, bool):
        return ["(true)" if reply else "(false)"]
    if isinstance(reply, int):
        return [f"(integer) {reply}"]
    if isinstance(reply, float):
        return [f"(double) {number_text(reply)}"]
    if isinstance(reply, Failure):
        return [f"(error) {reply}"]
    if isinstance(reply, str):
        return [str(reply)]
    if isinstance(reply, bytes):
        return [quoted(reply)]
    if isinstance(reply, Members):
        return _numbered("~", "(empty set)", [render(item) for item in reply.items])
    if isinstance(reply, dict):
        return _numbered("#", "(empty hash)", [_pair(key, value) for key, value in reply.items()])
    if isinstance(reply, (list, tuple)):
        return _numbered(")", "(empty array)", [render(item) for item in reply])
    raise TypeError(f"no reply has the type {type(reply).__name__}")


def _pair(key: Any, value: Any) -> list[str]:
    head = " ".join(render(key)) + " => "
    lines = render(value)
    return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]


def _numbered(mark: str, empty: str, entries: list[list[str]]) -> list[str]:
    if not entries:
        return [empty]
    width = len(str(len(entries)))
    lines: list[str] = []
    for number, entry in enumerate(entries, 1):
        head = f"{number:>{width}}{mark} "
        lines.append(head + entry[0])
        lines.extend(" " * len(head) + line for line in entry[1:])
    return lines


_ESCAPES = {0x22: '\\"', 0x5C: "\\\\", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x07: "\\a", 0x08: "\\b"}


def quoted(data: bytes) -> str:
    """Bytes between double quotes, escaped as redis-cli does."""
    body = "".join(
        _ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}") for byte in data
    )
    return f'"{body}"'


def word(data: bytes) -> str:
    """An argument, bare where that is unambiguous."""
    plain = bool(data) and all(32 < byte < 127 and byte not in b"\"'\\" for byte in data)
    return data.decode("ascii") if plain else quoted(data)


def command_line(args: Iterable[bytes]) -> str:
    """A command as one line that ``split_line`` reads back."""
    return " ".join(word(arg) for arg in args)
