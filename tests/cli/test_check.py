"""The commands that look at files and mend them: what they print, and their exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.check.places import NAME, log_of, place, prints
from tests.crash.samples import SMALL_LOG

ROOT = Path(__file__).parents[2]
TORN = log_of("SET a 1") + b"*3\r\n$3\r\nSE"
DAMAGED = log_of("SET a 1") + b"*1\r\n$4\r\nNOPE\r\n" + log_of("SET b 2")


def cli(*words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, away from a terminal."""
    command = [sys.executable, "-m", "aofstore", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=60
    )


def test_check_says_what_is_wrong_and_exits_with_0_1_or_2(tmp_path: Path) -> None:
    place(tmp_path, SMALL_LOG)
    done = cli("check", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "sound" in done.stdout
    place(tmp_path, TORN)
    before = prints(tmp_path)
    done = cli("check", tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "truncated" in done.stdout
    assert "at offset 27" in done.stdout
    assert "a repair would drop the last 10 bytes (1 command)" in done.stdout
    assert "\x1b" not in done.stdout
    assert prints(tmp_path) == before
    done = cli("check", tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert str(tmp_path / "nowhere") in done.stderr


def test_check_prints_json_for_scripts(tmp_path: Path) -> None:
    path = place(tmp_path, TORN)
    done = cli("check", tmp_path, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["sound"]) == (1, False)
    (file,) = told["files"]
    assert (file["path"], file["commands"], file["valid_to"]) == (str(path), 1, 27)
    assert [problem["kind"] for problem in file["problems"]] == ["truncated"]


def test_repair_does_nothing_before_apply(tmp_path: Path) -> None:
    path = place(tmp_path, TORN)
    before = prints(tmp_path)
    done = cli("repair", tmp_path)
    assert (done.returncode, prints(tmp_path)) == (1, before)
    assert "cut the last 10 bytes" in done.stdout
    assert "--apply" in done.stderr
    done = cli("repair", tmp_path, "--apply", "--json")
    assert (done.returncode, json.loads(done.stdout)["applied"]) == (0, True)
    assert path.read_bytes() == log_of("SET a 1")
    done = cli("repair", tmp_path, "--apply")
    assert (done.returncode, "nothing to repair" in done.stdout) == (0, True)


def test_repair_says_how_far_a_salvage_would_get(tmp_path: Path) -> None:
    path = place(tmp_path, DAMAGED)
    done = cli("repair", path, "--apply")
    assert (done.returncode, path.read_bytes()) == (1, DAMAGED)
    assert "a salvage would drop 14 bytes (1 command)" in done.stdout
    done = cli("repair", path, "--apply", "--salvage")
    assert (done.returncode, path.read_bytes()) == (0, log_of("SET a 1", "SET b 2"))
    assert (tmp_path / f"{NAME}.damaged-27").read_bytes() == DAMAGED


def test_inspect_shows_what_is_there(tmp_path: Path) -> None:
    place(tmp_path, SMALL_LOG + log_of("SET big " + "x" * 5000) + b"*1\r\n$4")
    before = prints(tmp_path)
    done = cli("inspect", tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "a repair would drop the last 6 bytes (1 command)" in done.stdout
    for word in ("string", "quicklist", "zset", "biggest keys", "RPUSH", "truncated", "never", "5.0 KB"):
        assert word in done.stdout.replace("listpack", "quicklist"), word
    (told,) = json.loads(cli("inspect", tmp_path, "--json", "--most", "1").stdout)
    assert [big["key"] for big in told["biggest"]] == ["big"]
    assert (
        sum(group["keys"] for group in told["groups"])
        == told["expiry"]["never"] + told["expiry"]["later"]
        == 8
    )
    assert told["commands"]["SET"] == 4
    assert prints(tmp_path) == before


def test_inspect_and_check_say_the_same_of_a_lost_manifest(tmp_path: Path) -> None:
    parts = tmp_path / "appendonlydir"
    parts.mkdir()
    (parts / f"{NAME}.1.incr.aof").write_bytes(log_of("SET a 1"))
    for command in ("check", "inspect"):
        done = cli(command, tmp_path)
        assert (done.returncode, done.stderr) == (1, "")
        assert "the manifest is missing, but there are files of a log" in done.stdout
        assert "None" not in done.stdout
    (parts / f"{NAME}.manifest").write_text(f"file {NAME}.1.incr.aof seq 1 type i\n")
    assert [cli(command, tmp_path).returncode for command in ("check", "inspect")] == [0, 0]


def test_inspect_needs_an_extra_only_for_pictures(tmp_path: Path) -> None:
    place(tmp_path, SMALL_LOG)
    done = cli("inspect", tmp_path, "--picture", tmp_path / "it.gif")
    assert (done.returncode, ".png or .svg" in done.stderr) == (2, True)
    code = (
        "import sys; sys.modules['matplotlib'] = None; from aofstore.__main__ import main; sys.exit(main())"
    )
    words = [sys.executable, "-c", code, "inspect", str(tmp_path), "--picture", str(tmp_path / "it.png")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert done.returncode == 2
    assert done.stderr.strip() == 'pictures need an extra: pip install "aofstore[plots]"'
    assert not (tmp_path / "it.png").exists()


@pytest.mark.parametrize("command", ["check", "repair", "inspect"])
def test_an_empty_directory_cannot_be_looked_at(tmp_path: Path, command: str) -> None:
    done = cli(command, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no log and no snapshot" in done.stderr
