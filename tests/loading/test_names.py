"""Directories whose names are not UTF-8, which Linux allows, and such files among those of a store."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import aofstore
from aofstore.check import check, repair
from tests.conftest import OpenStore

pytestmark = [
    pytest.mark.quick,
    pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such name"),
]

NAME = b"gr\xfcn"
SHOWN = "gr\\xfcn"
TORN = b"*3\r\n$3\r\nSE"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + NAME))


@pytest.mark.parametrize("form", [os.fsencode, str, Path])
def test_a_store_lives_in_one(open_store: OpenStore, place: Path, form: type) -> None:
    store = open_store(form(place), save="3600 1")
    store.set("k", "v")
    store.rewrite()
    store.save()
    assert store.config.dir == str(place)
    assert store.config_get("dir")["dir"].endswith("/" + SHOWN)
    assert SHOWN in repr(store)
    store.close()
    store = open_store(form(place))
    assert store.get("k") == b"v"
    assert all(Path(file).is_file() for file in store.load_report.files)
    assert aofstore.Config(dir=os.fsencode(place)).dir == str(place)


def test_redis_conf_says_it_and_reads_it(place: Path) -> None:
    conf = place.with_name("redis.conf")
    conf.write_text(aofstore.Config(dir=place).to_redis_conf(), encoding="ascii")
    assert aofstore.Config.from_redis_conf(os.fsencode(conf)).dir == str(place)


def test_errors_show_it_and_their_path_is_usable(open_store: OpenStore, place: Path) -> None:
    store = open_store(place, aof_layout="single-file")
    store.set("k", "v")
    with pytest.raises(aofstore.AofLockedError) as locked:
        aofstore.open(place)
    assert locked.value.path == str(place)
    assert SHOWN in str(locked.value)
    store.close()
    log = place / "appendonly.aof"
    log.write_bytes(b"nonsense" + log.read_bytes())
    with pytest.raises(aofstore.AofLoadError) as damaged:
        aofstore.open(place, aof_layout="single-file")
    assert damaged.value.path == str(log)
    assert SHOWN in str(damaged.value)
    with pytest.raises(aofstore.ConfigError, match=r"redis\.conf") as unread:
        aofstore.Config.from_redis_conf(place / "redis.conf")
    assert SHOWN in str(unread.value)


def test_a_torn_end_is_cut_there(
    open_store: OpenStore, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(place, aof_layout="single-file")
    store.set("k", "v")
    store.close()
    log = place / "appendonly.aof"
    with log.open("ab") as file:
        file.write(TORN)
    report = check(os.fsencode(place))
    assert [file.path for file in report.files] == [str(log)]
    planned = repair(os.fsencode(place))
    assert SHOWN in planned.changes[0]
    store = open_store(place, aof_layout="single-file")
    (cut,) = store.load_report.truncations
    assert Path(cut.saved_to or "").read_bytes() == TORN
    assert SHOWN in caplog.text
    store.close()
    with log.open("ab") as file:
        file.write(TORN)
    done = repair(os.fsencode(place), apply=True)
    assert done.applied
    assert "\n".join(done.changes).count(SHOWN) == 2
    assert check(place).sound


def test_another_file_of_such_a_name_is_nobodys(open_store: OpenStore, place: Path) -> None:
    open_store(place).set("k", "v")
    stray = Path(os.fsdecode(os.fsencode(place) + b"/appendonlydir/\xff.aof"))
    stray.write_bytes(b"*1")
    assert check(place).sound
    with pytest.raises(aofstore.AofOpenError, match="UTF-8") as refused:
        check(stray)
    assert refused.value.path == str(stray)
