"""Checking and repairing the files of a store."""

# ruff: noqa: ARG001 - the parameters stand for what a later release brings

from __future__ import annotations

import os

from .later import INTEROP, not_yet
from .types import CheckReport, RepairReport


def check(path: str | os.PathLike[str]) -> CheckReport:
    """Read the files at ``path`` without changing them and report what is wrong. Not available yet."""
    not_yet("check()", INTEROP)


def repair(
    path: str | os.PathLike[str],
    *,
    apply: bool = False,
    salvage: bool = False,
    rebuild_manifest: bool = False,
) -> RepairReport:
    """Say what a repair of the files at ``path`` would drop, and do it with ``apply``. Not available yet."""
    not_yet("repair()", INTEROP)
