"""The fault sweep: no call of the file system that fails may lose what was told, or end the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.history import POLICIES, Policy
from tests.crash.sweep import sweep


@pytest.mark.parametrize("policy", POLICIES)
def test_every_call_fails_once(memory_path: Path, policy: Policy) -> None:
    seen = sweep(memory_path, (policy,))
    assert seen.violations == []
    assert seen.planned == seen.injected >= 100


def test_a_sweep_without_faults_is_red(memory_path: Path) -> None:
    assert sweep(memory_path, ("no",), every=10, control="harness-no-fault").red() == ["not injected"]
