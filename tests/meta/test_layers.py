"""The walls of docs/design/house.md, checked: which room may import which.

The two tables are the rule. Every path that starts with `crate::` or `super::` in the Rust crates counts, in
a `use` or in the middle of a line, and every `import` in the Python package, test modules too. A room that is
not in its table fails as well, so a new file is first given its place.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Room -> what it may import. A name covers everything below it ("aof" covers aof::names); a longer name
# opens only that part. Its own room is always open.
CORE: dict[str, set[str]] = {
    "error": set(),
    "clock": set(),
    "num": set(),
    "event": {"clock"},
    "sink": set(),
    "resp": {"error", "num", "sink"},
    "fs": {"error", "num"},
    "encoding": {"num"},
    "keyspace": {"encoding", "num", "clock", "error"},
    "rdb::value": {"encoding", "keyspace", "num", "error", "sink"},
    "rdb::file": {"rdb::value", "encoding", "keyspace", "num", "error", "sink", "fs"},
    "command": {"keyspace", "rdb::value", "num", "clock", "error"},
    "aof": {"fs", "resp", "sink", "clock", "event", "error"},
    "load": {"aof", "rdb", "command", "keyspace", "fs", "clock", "num", "event", "error"},
    "rewrite": {
        "keyspace", "rdb", "resp", "fs", "aof::names", "aof::manifest", "aof::annotation", "aof::Outlet",
        "aof::Control", "num", "sink", "clock", "event", "error",
    },
    "check": {"aof", "rdb", "load", "command", "keyspace", "resp", "fs", "num", "sink", "event", "error"},
    "engine": {
        "error", "clock", "num", "sink", "event", "resp", "fs", "encoding", "keyspace", "rdb",
        "command", "aof", "load", "rewrite",
    },
}  # fmt: skip

# The doorway translates; its rooms share each other freely but there are no others.
BINDING = {
    "batch", "check", "engine", "client", "direct", "directory", "export", "loader", "parts", "arguments",
    "patience", "replies", "error", "events", "testing",
}  # fmt: skip
BINDING_CRATES = {"aofstore_core", "pyo3", "std", "core", "smallvec", "itoa"}

PYTHON: dict[str, set[str]] = {
    "paths": set(),
    "errors": {"paths"},
    "types": set(),
    "values": {"paths", "errors"},
    "directives": {"paths", "errors"},
    "config": {"paths", "errors", "values", "directives"},
    "_core": {"errors", "types", "config"},
    "commands": {"types", "errors"},
    "session": {"types", "errors", "commands", "_core"},
    "pipeline": {"types", "errors", "commands", "session", "_core"},
    "lifetime": {"paths", "types", "errors", "config", "_core"},
    "moment": {"errors"},
    "files": {"paths", "config", "errors", "_core"},
    "tails": {"config", "errors", "_core"},
    "progress": {"types", "_core"},
    "loading": {
        "paths", "config", "errors", "types", "lifetime", "moment", "files", "tails", "progress", "_core",
    },
    "copying": {"config", "errors", "types", "lifetime", "loading", "moment", "_core"},
    "check": {"paths", "config", "errors", "types", "files", "lifetime", "_core"},
    "store": {
        "paths",
        "errors", "types", "config", "commands", "session", "pipeline", "lifetime", "loading",
        "moment", "progress", "check", "_core",
    },
    "inspection": {"paths", "config", "types", "check"},
    # Above the public face: these see what a user sees.
    "demo": {"aofstore"},
    "cli": {"aofstore", "inspection", "demo", "copying", "moment", "errors"},
    "__main__": {"aofstore", "inspection", "cli", "demo", "copying"},
    "__init__": {"errors", "types", "config", "session", "pipeline", "loading", "check", "store", "_core"},
}  # fmt: skip

NOT_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\(?:x..|u\{[^}]*\}|.)|[^'\\])'""",
    re.DOTALL,
)
MODULE_BLOCK = re.compile(r"\bmod\s+(\w+)\s*\{")
PATH_HEAD = re.compile(r"(?<![\w:])(crate|super)\s*::")
EXTERN_USE = re.compile(r"^\s*(?:pub(?:\([^)]*\))?\s+)?use\s+(?:::)?(\w+)", re.MULTILINE)


def blanked(source: str) -> str:
    """The source with comments and literals blanked out, every position kept."""
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), source)


def path_tree(text: str, at: int) -> Iterator[list[str]]:
    """Every path that a use tree (`a::{b, c::d}`) starting at a position names."""
    prefix: list[str] = []
    while word := re.compile(r"\s*(r#)?(\w+)").match(text, at):
        prefix.append(word.group(2))
        at = word.end()
        if not (colons := re.compile(r"\s*::").match(text, at)):
            yield prefix
            return
        at = colons.end()
    if not (brace := re.compile(r"\s*\{").match(text, at)):
        yield prefix  # a glob, or generics: the prefix says the room
        return
    at = brace.end()
    while True:
        for rest in path_tree(text, at):
            yield prefix + rest
        depth = 0
        while depth > 0 or text[at] not in ",}":
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        if text[at] == "}":
            return
        at += 1
        if re.compile(r"\s*\}").match(text, at):
            return


def still_open(text: str, start: int, at: int) -> bool:
    """Whether the block that opened just before `start` has not ended at `at`."""
    depth = 1
    for char in text[start:at]:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0:
            return False
    return True


def inline_modules(text: str, at: int) -> list[str]:
    """The names of the `mod name { … }` blocks around a position."""
    blocks = MODULE_BLOCK.finditer(text, 0, at)
    return [block.group(1) for block in blocks if still_open(text, block.end(), at)]


def module_of(relative: Path) -> list[str]:
    """`aof/mod.rs` is [aof], `aof/fsync.rs` [aof, fsync], `aof/fsync_tests.rs` [aof, fsync, tests]."""
    parts = list(relative.with_suffix("").parts)
    if parts[-1].endswith("_tests"):
        return [*parts[:-1], parts[-1].removesuffix("_tests"), "tests"]
    return parts[:-1] if parts[-1] in {"mod", "lib"} else parts


def rust_imports(relative: Path, source: str) -> Iterator[list[str]]:
    """Every path inside the crate that a file names, from the crate's root."""
    text = blanked(source)
    for head in PATH_HEAD.finditer(text):
        for path in path_tree(text, head.start()):
            if path[0] == "crate":
                yield path[1:]
                continue
            base = module_of(relative) + inline_modules(text, head.start())
            ups = sum(part == "super" for part in path)
            yield base[: max(len(base) - ups, 0)] + path[ups:]


def room_of(path: list[str], table: dict[str, set[str]]) -> str:
    """The longest name of the table that covers a path, else its first part."""
    for size in (2, 1):
        if (name := "::".join(path[:size])) in table:
            return name
    return path[0] if path else ""


def allowed(room: str, path: list[str], table: dict[str, set[str]]) -> bool:
    """Whether a room may name a path: its own, a macro at the root, or what its row opens."""
    own = room.split("::")
    if not path or path[: len(own)] == own or path == own[: len(path)]:
        return True
    return any(path[: len(name)] == name for name in (entry.split("::") for entry in table[room]))


def core_violations(relative: Path, source: str) -> list[str]:
    """What one file of aofstore-core does against the table."""
    here = module_of(relative)
    if not here or here == ["rdb"]:
        return []  # a door: `mod` and `pub use` lines only
    room = room_of(here, CORE)
    if room not in CORE:
        return [f"{relative}: the room {room!r} has no row in the table"]
    found = []
    for path in rust_imports(relative, source):
        if not allowed(room, path, CORE):
            found.append(f"{relative}: {room} may not import {'::'.join(path)}")
    return found


def binding_violations(relative: Path, source: str) -> list[str]:
    """What one file of aofstore-py does against its list of rooms and crates."""
    here = module_of(relative)
    found = []
    if here and here[0] not in BINDING:
        found.append(f"{relative}: the room {here[0]!r} is not one of the doorway's")
    for crate in EXTERN_USE.findall(blanked(source)):
        if crate not in BINDING_CRATES | BINDING | {"crate", "super", "self"}:
            found.append(f"{relative}: the doorway may not import {crate}")
    return found


def python_names(relative: Path, source: str) -> Iterator[list[str]]:
    """Every name of the package that a module imports, from the package's root."""
    package = ["aofstore", *relative.parts[:-1]]
    for node in ast.walk(ast.parse(source)):
        names: list[list[str]] = []
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            names = [[*base, alias.name] for alias in node.names]
        yield from (name[1:] for name in names if name[0] == "aofstore")


def python_imports(relative: Path, source: str) -> Iterator[str]:
    """The rooms of the package that a module imports; `aofstore` stands for the public face."""
    for name in python_names(relative, source):
        yield name[0] if name and name[0] in PYTHON else "aofstore"


def python_modules(sources: list[tuple[Path, str]]) -> dict[str, set[str]]:
    """Every module, and those that it imports, wherever in it; a package counts as its `__init__`."""
    modules = {
        path: "/".join(path.with_suffix("").parts).removesuffix("__init__").rstrip("/") for path, _ in sources
    }
    known = set(modules.values())
    needs: dict[str, set[str]] = {name: set() for name in known}
    for path, source in sources:
        for name in python_names(path, source):
            heads = ("/".join(name[:size]) for size in range(len(name), -1, -1))
            needs[modules[path]].add(next(head for head in heads if head in known))
    return needs


def circles(needs: dict[str, set[str]]) -> set[str]:
    """Who needs itself, others between or not: what is left when all go who need, or whom needs, nobody."""
    left = set(needs)
    while gone := {
        one for one in left if not needs[one] & left or not any(one in needs[other] for other in left)
    }:
        left -= gone
    return left


def python_violations(relative: Path, source: str) -> list[str]:
    """What one module of the package does against the table."""
    room = relative.parts[0].removesuffix(".pyi").removesuffix(".py")
    if room not in PYTHON:
        return [f"{relative}: the room {room!r} has no row in the table"]
    return [
        f"{relative}: {room} may not import {other}"
        for other in python_imports(relative, source)
        if other != room and other not in PYTHON[room]
    ]


def files(folder: str, *suffixes: str) -> list[tuple[Path, str]]:
    """Every source file below a folder, relative to it, with its text."""
    base = ROOT / folder
    return [
        (path.relative_to(base), path.read_text("utf-8"))
        for path in sorted(base.rglob("*"))
        if path.suffix in suffixes
    ]


def test_core_keeps_its_floors() -> None:
    sources = files("rust/aofstore-core/src", ".rs")
    assert sources
    assert [line for path, text in sources for line in core_violations(path, text)] == []


def test_the_doorway_has_no_rooms_of_its_own() -> None:
    sources = files("rust/aofstore-py/src", ".rs")
    assert sources
    assert [line for path, text in sources for line in binding_violations(path, text)] == []


def test_the_package_keeps_its_walls() -> None:
    sources = files("python/aofstore", ".py", ".pyi")
    assert sources
    assert [line for path, text in sources for line in python_violations(path, text)] == []


@pytest.mark.parametrize("table", [CORE, PYTHON])
def test_no_two_rooms_need_each_other(table: dict[str, set[str]]) -> None:
    assert circles(table) == set()


def test_no_two_modules_of_the_package_need_each_other() -> None:
    modules = python_modules(files("python/aofstore", ".py", ".pyi"))
    assert {"check/words", "cli/picture", "_core", ""} <= set(modules)
    assert circles(modules) == set()


@pytest.mark.parametrize(
    ("file", "source", "wrong"),
    [
        ("aof/writer.rs", "use crate::fs::File;", 0),
        ("aof/writer.rs", "use crate::keyspace::Value;", 1),
        ("aof/writer.rs", "use crate::{fs, resp::{self, Frame}, command::{Table, Reply}};", 2),
        ("aof/writer.rs", "use super::buffer::Buffer;", 0),
        ("aof/writer.rs", "use super::super::engine::Engine;", 1),
        ("aof/fsync_tests.rs", "use super::Fsync; use super::super::buffer::Buffer;", 0),
        ("aof/mod.rs", "pub use super::keyspace;", 1),
        ("aof/mod.rs", "mod tests { use super::Writer; use super::super::engine::Engine; }", 1),
        ("aof/mod.rs", '// crate::engine\nconst A: &str = "crate::engine";', 0),
        ("num.rs", "fn f() -> Result<(), crate::error::Error> {}", 1),
        ("command/keys.rs", "use crate::rdb::value::dump;", 0),
        ("command/keys.rs", "use crate::rdb::file::save;", 1),
        ("rewrite/switch.rs", "use crate::aof::manifest::Manifest;", 0),
        ("rewrite/switch.rs", "use crate::aof::Writer;", 1),
        ("rdb/value.rs", "use super::file::Snapshot;", 1),
        ("rdb/file.rs", "use super::value::load;", 0),
        ("attic/mod.rs", "", 1),
        ("lib.rs", "pub use engine::Engine;", 0),
    ],
)
def test_red_control_rust(file: str, source: str, wrong: int) -> None:
    assert len(core_violations(Path(file), source)) == wrong


@pytest.mark.parametrize(
    ("file", "source", "wrong"),
    [
        ("config.py", "from aofstore.errors import ConfigError", 0),
        ("config.py", "from aofstore import _core", 1),
        ("config.py", "from .store import Store", 1),
        ("commands/hashes.py", "from aofstore.types import Value\nimport aofstore.store", 1),
        ("commands/hashes.py", "from .base import Family", 0),
        ("cli/check.py", "import aofstore", 0),
        ("cli/check.py", "from aofstore.loading import plan", 1),
        ("attic.py", "", 1),
    ],
)
def test_red_control_python(file: str, source: str, wrong: int) -> None:
    assert len(python_violations(Path(file), source)) == wrong


@pytest.mark.parametrize(
    ("reading", "words", "wrong"),
    [
        ("from .words import advice", "", set()),
        ("from .words import advice", "from .reading import Hole", {"check/reading", "check/words"}),
        (
            "from .words import advice",
            "def f():\n    from ..check import reading",
            {"check/reading", "check/words"},
        ),
        (
            "import aofstore.check.words",
            "if RARE:\n    from . import reading",
            {"check/reading", "check/words"},
        ),
        ("from . import repair", "", {"check", "check/reading"}),
        ("from .reading import read", "", {"check/reading"}),
        ("import aofstore", "", {"", "check", "check/reading"}),
    ],
)
def test_red_control_circles(reading: str, words: str, wrong: set[str]) -> None:
    sources = [
        (Path("__init__.py"), "from .check import repair"),
        (Path("__main__.py"), "import aofstore"),
        (Path("check/__init__.py"), "from .files import Log\nfrom .reading import read"),
        (Path("check/files.py"), ""),
        (Path("check/reading.py"), reading),
        (Path("check/words.py"), words),
    ]
    assert circles(python_modules(sources)) == wrong
