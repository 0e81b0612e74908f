"""How keys, sizes and shares are shown, in tables and in pictures."""

from __future__ import annotations


def shown(key: bytes) -> str:
    """A key as text."""
    text = key.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def size(count: int) -> str:
    """Bytes in a unit that keeps the number short."""
    number = float(count)
    for unit in ("B", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def share(part: int, whole: int) -> str:
    """How much of it, never 0% of what is there."""
    return "< 1%" if 0 < part * 100 < whole else f"{part / whole:.0%}"
