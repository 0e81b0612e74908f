"""Settings: defaults, validation, redis.conf in and out."""

from __future__ import annotations

import dataclasses
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aofstore
from aofstore import Config, ConfigError, directives
from tests.conftest import OpenStore

pytestmark = pytest.mark.quick


def test_defaults() -> None:
    config = Config()
    assert (config.dir, config.appendonly) == (None, False)
    assert Config(dir="data").appendonly is True
    assert config.appendfsync == "everysec"
    assert config.auto_aof_rewrite_min_size == 64 * 1024 * 1024
    assert (config.save, config.aof_use_rdb_preamble, config.databases) == ((), False, 16)


@pytest.mark.parametrize(
    ("text", "size"), [("64mb", 64 << 20), ("1g", 10**9), ("1GB", 1 << 30), ("5k", 5000), ("5", 5), ("7b", 7)]
)
def test_memory_texts(text: str, size: int) -> None:
    assert Config(auto_aof_rewrite_min_size=text).auto_aof_rewrite_min_size == size


def test_yes_and_no() -> None:
    assert Config(aof_load_truncated="no").aof_load_truncated is False
    assert Config(aof_load_truncated="YES").aof_load_truncated is True


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"apendfsync": "always"}, "did you mean 'appendfsync'"),
        ({"append-fsync": "always"}, "did you mean 'appendfsync'"),
        ({"appendfsync": "sometimes"}, "always, no"),
        ({"databases": 0}, "between 1 and"),
        ({"databases": True}, "whole number"),
        ({"hz": 501}, "between 1 and 500"),
        ({"auto_aof_rewrite_min_size": "64mbb"}, "size"),
        ({"auto_aof_rewrite_min_size": -1}, "between 0 and"),
        ({"aof_load_truncated": 1}, "yes"),
        ({"appendfilename": "a/b"}, "without a path"),
        ({"appendfilename": ""}, "without a path"),
        ({"appenddirname": ".."}, "without a path"),
        ({"dbfilename": "dump\udcff.rdb"}, r"UTF-8, not 'dump\\udcff.rdb'"),
        ({"encoding": "\udcff"}, "text"),
        ({"dir": "\ud800"}, "path that is not empty"),
        ({"dir": b"a\0b"}, "path that is not empty"),
        ({"dir": 1}, "path that is not empty"),
        ({"appendonly": True}, "directory"),
        ({"save": "900"}, "pairs"),
        ({"encoding": "nonsense"}, "nonsense"),
        ({"encoding_errors": "nonsense"}, "nonsense"),
        ({"dir": ""}, "not empty"),
    ],
)
def test_errors_say_what_is_wrong(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Config(**settings)


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().hz = 20  # type: ignore[misc]


def test_replace_keeps_following_defaults() -> None:
    config = Config(hz=20).replace(dir="data")
    assert (config.hz, config.appendonly) == (20, True)
    assert Config(dir="data", appendonly=False).replace(dir="other").appendonly is False


def test_the_fields_are_the_settings_and_nothing_else() -> None:
    names = {setting.name for setting in dataclasses.fields(Config)}
    assert names == {*aofstore.config.Settings.__annotations__, "decode_responses"}
    given = Config(dir="data", hz=20)
    assert dataclasses.asdict(given) == {name: getattr(given, name) for name in names}
    assert dataclasses.replace(given, hz=30) == Config(dir="data", hz=30)
    again = pickle.loads(pickle.dumps(given))
    assert (again, repr(again), again.replace(dir=None)) == (given, repr(given), Config(hz=20))


def test_live_settings_leave_the_facade_out() -> None:
    live = Config(save=[(900, 1), (60, 5)]).live_settings()
    assert live["save"] == "900 1 60 5"
    assert live["dir"] == ""
    assert Config(dir="data").live_settings()["dir"] == str(Path.cwd() / "data")
    names = {setting.name for setting in dataclasses.fields(Config)}
    assert names - set(live) == {"decode_responses", "encoding", "encoding_errors"}
    assert all(isinstance(value, (int, str, bool)) for value in live.values())


def conf(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "redis.conf"
    path.write_text(text)
    return path


def test_redis_conf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO, "aofstore")
    path = conf(
        tmp_path,
        '# a comment\n\nport 6379\nAppendOnly yes\nappendfilename "my log.aof"\nappendfsync always\n'
        "auto-aof-rewrite-min-size 32mb\nhash-max-ziplist-entries 7\nsave 900 1\nsave 300 10 60 10000\n",
    )
    config = Config.from_redis_conf(path)
    assert (config.appendonly, config.dir, config.appendfilename) == (True, str(tmp_path), "my log.aof")
    assert (config.appendfsync, config.auto_aof_rewrite_min_size) == ("always", 32 << 20)
    assert config.hash_max_listpack_entries == 7
    assert config.save == ((900, 1), (300, 10), (60, 10000))
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}, line 3: port is for servers, ignored"
    ]


def test_redis_conf_without_appendonly_is_off(tmp_path: Path) -> None:
    config = Config.from_redis_conf(conf(tmp_path, 'dir "/data"\nsave 900 1\nsave ""\n'))
    assert (config.dir, config.appendonly, config.save) == ("/data", False, ())


def test_redis_conf_include(tmp_path: Path) -> None:
    (tmp_path / "more.conf").write_text("hz 20\n")
    path = conf(tmp_path, f"hz 30\ninclude {tmp_path / 'more.conf'}\n")
    assert Config.from_redis_conf(path).hz == 20


def test_redis_conf_include_takes_every_file_of_a_pattern_in_order_and_none_for_none(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    including = conf(tmp_path, f"hz 30\ninclude {tmp_path}/conf.d/*.conf\n")
    assert Config.from_redis_conf(including).hz == 30
    for name, hz in (("b.conf", 25), ("a.conf", 20)):
        (tmp_path / "conf.d" / name).write_text(f"hz {hz}\n")
    assert Config.from_redis_conf(including).hz == 25


@pytest.mark.parametrize("words", ["900 1 300 10", '"900 1 300 10"', "'900 1 300 10'", "900 1\nsave 300 10"])
def test_redis_conf_save_points(tmp_path: Path, words: str) -> None:
    assert Config.from_redis_conf(conf(tmp_path, f"save {words}\n")).save == ((900, 1), (300, 10))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("appendfsnyc always", "line 1: unknown directive 'appendfsnyc'; did you mean 'appendfsync'"),
        ("vm-enabled yes", "virtual memory"),
        ("vm-max-memory 0", "virtual memory"),
        ("appendfsync", "one value"),
        ("appendfsync sometimes", "line 1: appendfsync is one of"),
        ("appenddirname a/b", "line 1: appenddirname is the name of a file"),
        ("appendfsync always everysec", "one value"),
        ('appendfilename "half', "unbalanced quotes"),
        ("save 900", "pairs"),
        ("aof-layout single-file", "no server has it, so write it as a comment, # aofstore: aof-layout"),
        ("# aofstore: aof-layuot single-file", "in a comment; did you mean 'aof-layout'"),
        ("# aofstore: aof-layout two-file", "line 1: aof_layout is one of"),
        ("# aofstore: hz 10", "unknown setting 'hz' in a comment"),
        ("# aofstore: include other.conf", "unknown setting 'include' in a comment"),
    ],
)
def test_redis_conf_errors_name_the_line(tmp_path: Path, line: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text) as caught:
        Config.from_redis_conf(conf(tmp_path, line + "\n"))
    assert "redis.conf" in str(caught.value)


def test_redis_conf_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Config.from_redis_conf(tmp_path / "nothing.conf")


def test_to_redis_conf_reads_back(tmp_path: Path) -> None:
    config = Config(
        dir=str(tmp_path / 'a "strange" name'),
        save="900 1",
        hz=20,
        aof_load_truncated=False,
        appendfilename="a b",
    )
    again = Config.from_redis_conf(conf(tmp_path, config.to_redis_conf()))
    assert again == config


def test_to_redis_conf_drops_nothing_that_only_a_store_has(tmp_path: Path) -> None:
    """Every setting, and a name with what some take for the end of a line."""
    config = Config(
        dir=str(tmp_path / "a\u2028b\x85c\x0bd\ne #"),
        aof_layout="single-file",
        aof_postpone_write=True,
        aof_rewrite_ack_timeout=7,
        rdb_version=11,
        decode_responses=True,
        encoding="latin-1",
        encoding_errors="replace",
        on_replay_error="warn",
        unknown_types="skip",
    )
    defaults = Config(dir=config.dir)
    ours = {name for name in vars(config) if getattr(config, name) != getattr(defaults, name)} - {"_given"}
    text = config.to_redis_conf()
    assert {line.split()[2] for line in text.split("\n") if line.startswith("# aofstore: ")} == {
        name.replace("_", "-") for name in ours
    }
    path = tmp_path / "redis.conf"
    path.write_bytes(text.encode())
    assert Config.from_redis_conf(path) == config
    assert "aofstore" not in defaults.to_redis_conf()


def test_other_comments_are_comments(tmp_path: Path) -> None:
    text = "# aofstore reads this\n#aofstore: aof-layout single-file\n  # aofstore:\taof-layout single-file\n"
    assert Config.from_redis_conf(conf(tmp_path, text)).aof_layout == "single-file"
    assert Config.from_redis_conf(conf(tmp_path, "\n".join(text.split("\n")[:2]))).aof_layout == "multi-part"


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_quoting_reads_back(words: list[str]) -> None:
    assert directives.split(" ".join(map(directives.quoted, words))) == words


def test_a_store_shows_its_settings_as_they_are_now(open_store: OpenStore) -> None:
    store = open_store(hz=20, decode_responses=True)
    opened = store.config
    assert (opened.hz, opened.appendfsync, opened.decode_responses) == (20, "everysec", True)
    assert store.config is opened
    store.config_set("appendfsync", "always", "hash-max-ziplist-entries", 7)
    store.execute_command("CONFIG", "SET", "save", "60 5", "auto-aof-rewrite-min-size", "1mb")
    with store.pipeline() as pipe:
        pipe.config_set("list-max-listpack-size", -100)
        pipe.execute()
    now = store.config
    assert (now.appendfsync, now.hash_max_listpack_entries, now.save) == ("always", 7, ((60, 5),))
    assert (now.auto_aof_rewrite_min_size, now.list_max_listpack_size) == (1 << 20, -100)
    assert (now.hz, now.dir, now.decode_responses) == (20, opened.dir, True)
    assert (opened.appendfsync, opened.save) == ("everysec", ())
    assert store.db(1).config == now
    store.close()
    assert store.config == now


@pytest.mark.parametrize("name", sorted(aofstore.Config().live_settings()))
@pytest.mark.parametrize(
    "value", ["0", "1", "-1", "-100", "2147483647", "2147483648", "yes", "no", "1mb", ""]
)
def test_config_reads_what_config_set_takes(name: str, value: str) -> None:
    with aofstore.open() as store:
        try:
            store.config_set(name.replace("_", "-"), value)
        except aofstore.ResponseError:
            return
        (text,) = store.config_get(name.replace("_", "-")).values()
        assert store.config == aofstore.Config(**{name: text})  # type: ignore[arg-type]
