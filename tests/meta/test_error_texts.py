"""Every error text of a command stands in one module, `command/errors.rs` (docs/design/house.md)."""

import re

import pytest

from tests.meta.test_layers import files

HOME = "command/errors.rs"
# Told of more than a command: an error of the whole engine, and the system's words about the log.
ELSEWHERE = {"error.rs", "engine/execute.rs"}
TEST_FILE = re.compile(r"(^|/)(tests|testing|transcripts)\.rs$|_tests\.rs$|(^|[/_])tests/")
CODE = re.compile(r'(?:= |format!\()"([A-Z]+) ')


def codes(home: str) -> set[str]:
    """The first words of the texts in their module."""
    return set(CODE.findall(home))


def texts(source: str, known: set[str]) -> list[str]:
    """The string literals of a file, before its tests, that begin as an error text does."""
    code = re.sub(r"//[^\n]*", "", source.partition("#[cfg(test)]")[0])
    return re.findall(rf'"((?:{"|".join(sorted(known))}) [^"]+)"', code)


def test_no_error_text_stands_beside_its_command() -> None:
    sources = {str(path): source for path, source in files("rust/aofstore-core/src", ".rs")}
    known = codes(sources[HOME])
    assert {"ERR", "WRONGTYPE", "EXECABORT", "MISCONF", "OOM"} <= known
    rooms = {path: source for path, source in sources.items() if not TEST_FILE.search(path)}
    found = {path: told for path, source in rooms.items() if (told := texts(source, known))}
    assert len(found.pop(HOME)) > 80
    assert {path: told for path, told in found.items() if path not in ELSEWHERE} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('const A: ErrorReply = ErrorReply::new("ERR no");', ["ERR no"]),
        ('format!("EXECABORT of: {why}")', ["EXECABORT of: {why}"]),
        ('text.strip_prefix("ERR ")', []),
        ('// as "ERR no"', []),
        ('run("SET k v");\n#[cfg(test)]\nmod tests { const A: &str = "ERR no"; }', []),
    ],
)
def test_red_control(source: str, found: list[str]) -> None:
    assert texts(source, {"ERR", "EXECABORT"}) == found
