"""What a skip may mean: that the kernel of this machine does not give what a test needs, and nothing else.

Such tests are marked ``scarce``, and the end of every run says which of them ran. Anything else that is
skipped on Linux fails: a missing server, tool or module must not pass for a proof. Elsewhere what is Linux's
is skipped.
"""

from __future__ import annotations

import sys
from collections.abc import Generator

import pytest

SCARCE = "scarce"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected = hasattr(report, "wasxfail") or item.get_closest_marker(SCARCE) is not None
    if report.skipped and not expected and sys.platform == "linux":
        report.outcome = "failed"
        report.longrepr = f"skipped, which only a test marked {SCARCE} may be: {_why(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each of them, in the log of a CI run too."""
    told = {
        report.nodeid: "ran" if outcome != "skipped" else f"NOT RUN: {_why(report)}"
        for outcome in ("skipped", "passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if SCARCE in report.keywords
    }
    if told:
        terminalreporter.section("what needs more than a kernel may give")
    for nodeid, outcome in sorted(told.items()):
        terminalreporter.write_line(f"{nodeid}: {outcome}")


def _why(report: pytest.TestReport) -> str:
    """The reason of a skip."""
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
