"""Replies that describe the store or its commands, as dicts: INFO, COMMAND, COMMAND DOCS, DEBUG OBJECT."""

from __future__ import annotations

from typing import Any

from .shapes import as_dict, text, text_list


def info(reply: Any) -> dict[str, Any]:
    """INFO's text as a dict; numbers become int or float, ``a=1,b=2`` a dict, ``1,2`` a list."""
    fields: dict[str, Any] = {}
    for line in text(reply).splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            fields[name] = _info_value(value)
    return fields


def commands(reply: Any) -> dict[str, dict[str, Any]]:
    """COMMAND's list of entries as a dict by name; entries of unknown commands are left out."""
    return {text(entry[0]): _command(entry) for entry in reply if entry}


def documentation(reply: Any) -> dict[str, dict[str, Any]]:
    """COMMAND DOCS as a dict by name, its labels as str."""
    return {text(name): _labelled(doc) for name, doc in as_dict(reply).items()}


def debug_object(reply: Any) -> dict[str, Any]:
    """DEBUG OBJECT's line of ``name:value`` parts as a dict; its first part is the value's address."""
    numbers = ("refcount", "serializedlength", "lru", "lru_seconds_idle")
    parts = dict(part.split(":", 1) for part in f"type:{text(reply)}".split() if ":" in part)
    return {name: int(value) if name in numbers else value for name, value in parts.items()}


def _info_value(value: str) -> Any:
    if "=" in value:
        pairs = (part.rpartition("=") if "=" in part else (part, "", "") for part in value.split(",") if part)
        return {name: _info_value(number) if equals else True for name, equals, number in pairs}
    if "," in value:
        return [_info_value(part) for part in value.split(",") if part]
    try:
        return float(value) if "." in value else int(value)
    except ValueError:
        return value


def _command(entry: Any) -> dict[str, Any]:
    described = {
        "name": text(entry[0]),
        "arity": int(entry[1]),
        "flags": text_list(entry[2]),
        "first_key_pos": entry[3],
        "last_key_pos": entry[4],
        "step_count": entry[5],
    }
    if len(entry) > 6:
        described["acl_categories"] = text_list(entry[6])
    if len(entry) > 9:
        described["tips"], described["key_specifications"], described["subcommands"] = entry[7:10]
    return described


def _labelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {text(label): _labelled(part) for label, part in value.items()}
    if isinstance(value, (list, set)):
        return [_labelled(part) for part in value]
    return value
