"""The fault sweep: no call of the file system that fails may lose what was told, or end the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.history import POLICIES, Policy
from tests.crash.layouts import LAYOUTS, Layout
from tests.crash.orphans import child_sweep, pending_at_the_switch
from tests.crash.sweep import sweep
from tests.crash.trial import Upkeep, prepared


@pytest.mark.parametrize("policy", POLICIES)
def test_every_call_fails_once(memory_path: Path, policy: Policy) -> None:
    seen = sweep(memory_path, (policy,))
    assert seen.violations == []
    assert seen.planned == seen.injected >= 100


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("before", LAYOUTS)
def test_every_call_fails_once_in_parts(memory_path: Path, before: Layout, policy: Policy) -> None:
    """Where there are parts already, and where a single file is taken over."""
    source = prepared(memory_path / "before", before)
    seen = sweep(memory_path, (policy,), every=3, layout="multi-part", source=source)
    assert seen.violations == []
    assert seen.planned == seen.injected >= 50


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_call_fails_once_where_the_log_begins_with_a_snapshot_and_tells_the_time(
    memory_path: Path, layout: Layout
) -> None:
    """Reading the snapshot included."""
    seen = sweep(memory_path, ("always",), every=2, layout=layout, form="both")
    assert seen.violations == []
    assert seen.planned == seen.injected >= 50


@pytest.mark.parametrize("layout", LAYOUTS)
def test_calls_of_rewrites_into_snapshots_fail(memory_path: Path, layout: Layout) -> None:
    seen = sweep(memory_path, ("always",), every=6, upkeep="rewrites", layout=layout, form="both")
    assert seen.violations == []
    assert seen.planned == seen.injected >= 30


def test_a_sweep_without_faults_is_red(memory_path: Path) -> None:
    assert sweep(memory_path, ("no",), every=10, control="harness-no-fault").red() == ["not injected"]


@pytest.mark.parametrize("upkeep", ["rewrites", "switches"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_calls_of_rewrites_fail(memory_path: Path, layout: Layout, policy: Policy, upkeep: Upkeep) -> None:
    seen = sweep(memory_path, (policy,), every=5, upkeep=upkeep, layout=layout)
    assert seen.violations == []
    assert seen.planned == seen.injected >= 40


@pytest.mark.parametrize(("layout", "least"), [("single-file", 40), ("multi-part", 15)])
def test_children_fail_at_every_step(memory_path: Path, layout: Layout, least: int) -> None:
    seen = child_sweep(memory_path, layout=layout)
    assert seen.violations == []
    assert seen.planned == seen.injected >= least


@pytest.mark.parametrize("layout", LAYOUTS)
def test_children_that_write_snapshots_fail_at_every_step(memory_path: Path, layout: Layout) -> None:
    seen = child_sweep(memory_path, every=2, layout=layout, form="both")
    assert seen.violations == []
    assert seen.planned == seen.injected >= 7


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_waits_at_the_switch_is_not_written_twice(memory_path: Path, layout: Layout) -> None:
    assert pending_at_the_switch(memory_path, layout=layout).violations == []


@pytest.mark.parametrize(
    ("control", "expected"), [("harness-no-fault", "not injected"), ("harness-leave", "left")]
)
def test_a_sweep_of_rewrites_sees_what_is_broken(memory_path: Path, control: str, expected: str) -> None:
    assert expected in sweep(memory_path, ("no",), every=40, control=control, upkeep="rewrites").red()


def test_a_buffer_that_is_kept_at_the_switch_is_seen(memory_path: Path) -> None:
    assert pending_at_the_switch(memory_path, "keep-buffer-at-switch").red() == ["doubled"]
