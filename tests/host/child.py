"""Runs pieces of Python in a process of their own, where a fork, a signal or an exit hurts no test.

A piece finds ``aofstore`` and ``os`` imported, its arguments in ``argv``, the first of them as ``directory``.
What it opens has the layout of the test itself, ``LAYOUT``; ``log()`` is the file that is appended to,
``left()`` what lies there and is no part of a store, ``STEPS`` where a rewriting child may stand still;
``close_and_compare(store)`` looks at what a store leaves.
Ctrl-C interrupts it, also where a shell that started the tests in its background ignores it.
A process that hangs prints where all its threads are, and fails.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import aofstore

ROOT = Path(__file__).parents[2]
PATIENCE = 60

_PREAMBLE = """
import gc, os, signal, subprocess, sys, threading, time, warnings
signal.signal(signal.SIGINT, signal.default_int_handler)
# From Python 3.12 on it says so of every fork beside threads.
warnings.filterwarnings("ignore", ".*is multi-threaded, use of fork", DeprecationWarning)
import aofstore
from aofstore._core import _testing
from tests.crash import layouts
aofstore.config._FIELDS["aof_layout"].default = LAYOUT
STEPS = layouts.STEPS[LAYOUT]
argv = sys.argv[1:]
directory = argv[0]

def log():
    return layouts.newest_log(layouts.Path(directory))

def left():
    return layouts.strangers(layouts.Path(directory), LAYOUT)

def close_and_compare(store):
    "That nothing is left behind, and what is in the log is what was in memory."
    kept = {key: store.get(key) for key in store.keys("*")}
    store.close()
    assert not left(), left()
    with aofstore.open(directory) as again:
        assert {key: again.get(key) for key in again.keys("*")} == kept
"""


def start(code: str, *args: object) -> subprocess.Popen[str]:
    """A process that runs ``code``; stdin, stdout and stderr are pipes."""
    whole = f"LAYOUT = {aofstore.Config().aof_layout!r}\n{_PREAMBLE}{textwrap.dedent(code)}"
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", whole, *map(str, args)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], status: int = 0) -> tuple[str, str]:
    """What the process printed, on stdout and on stderr; its exit status must be ``status``."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        _, err = process.communicate()
        pytest.fail(f"it hangs here:\n{err}")
    assert process.returncode == status, f"exit status {process.returncode}, not {status}\n{out}\n{err}"
    return out.strip(), err.strip()


def run(code: str, *args: object, status: int = 0) -> tuple[str, str]:
    """``code`` from start to end: what it printed on stdout and on stderr."""
    return finish(start(code, *args), status)


def said(code: str, *args: object) -> str:
    """What ``code`` printed on stdout; it must have kept silent on stderr."""
    out, err = run(code, *args)
    assert not err, err
    return out
