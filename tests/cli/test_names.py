"""The command line on a directory whose name is not UTF-8, which Linux allows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import OpenStore


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such name")
def test_a_name_that_is_not_utf8_is_printed(open_store: OpenStore, tmp_path: Path) -> None:
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/gr\xfcn"))
    store = open_store(place)
    store.set("k", "v")
    store.close()
    for words in (["rewrite"], ["inspect"], ["check", "--json"]):
        command = [os.fsencode(word) for word in (sys.executable, "-m", "aofstore", *words, str(place))]
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 0, done.stderr
        assert b"gr\\udcfcn" in done.stdout, words
