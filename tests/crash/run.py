"""``make crash``: kills, power cuts, the fault sweep, damaged files, and the red controls of all of them.

Prints a table; ends with status 1 if anything was lost, refused or silent, or if a control stayed green.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import re
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.crash import damage, orphans, power, sweep
from tests.crash.forms import FORMS, Form
from tests.crash.kills import Killer
from tests.crash.layouts import LAYOUTS, Layout
from tests.crash.samples import SMALL_LOG
from tests.crash.trial import Upkeep, prepared
from tests.servers.places import in_memory

CONTROLS = Path(__file__).with_name("controls.toml")
CONTROL_KILLS = 30
POWER_SEEDS = 3
POWER_FLOOR = 5000
POWER_AGAIN = 10
CONTROL_STEPS = 24
CONTROL_FLOOR = 300
CONTROL_AGAIN = 6
# These show in any case.
SPARSE = ("harness-leave", "harness-no-fault")
Told: TypeAlias = tuple[str, list[str], list[str]]


@dataclass(frozen=True)
class Scope:
    """What a part is about."""

    layouts: tuple[Layout, ...] = LAYOUTS
    forms: tuple[Form, ...] = FORMS

    def pairs(self) -> Iterator[tuple[Layout, Form]]:
        """Each layout plain, and with all that a log may have besides; which is what faults are tried on."""
        return itertools.product(self.layouts, (form for form in ("plain", "both") if form in self.forms))


# A place, what is broken on purpose if anything, and what it is about.
Part: TypeAlias = Callable[[Path, str, Scope], Told]


def kills(number: int, *, rewrites: bool) -> Part:
    """SIGKILL at random moments; of a control fewer."""

    def part(root: Path, control: str, scope: Scope) -> Told:
        with Killer(
            root, seed=1, control=control, rewrites=rewrites, layouts=scope.layouts, forms=scope.forms
        ) as killer:
            tally = killer.run(CONTROL_KILLS if control else number)
        told = (
            f"{tally.kills} kills, {tally.share:.0%} in flight, {tally.rewriting_share:.0%} in rewrites, "
            f"{tally.operations} operations, {tally.seconds:.0f} s"
        )
        return told, tally.red(), tally.violations

    return part


def power_cuts(root: Path, control: str, scope: Scope) -> Told:
    """Of each layout as many disks as are wanted."""
    every = [_power_cuts(root, control, layout, scope.forms) for layout in scope.layouts]
    return (
        "; ".join(f"{layout}: {seen}" for layout, seen in zip(scope.layouts, every, strict=True)),
        sorted({name for seen in every for name in seen.red()}),
        [text for seen in every for text in seen.violations],
    )


def _power_cuts(root: Path, control: str, layout: Layout, forms: tuple[Form, ...]) -> power.Seen:
    if control:
        stories = power.stories(1, control, CONTROL_STEPS, layout, forms)
        return power.cut(root, stories, CONTROL_FLOOR, CONTROL_AGAIN)
    whole = itertools.chain(power.stories(POWER_SEEDS, layout=layout), power.bulky_stories(layout))
    return power.cut(root, whole, POWER_FLOOR, POWER_AGAIN)


def swept(*sweeps: sweep.Sweep) -> Told:
    """Several sweeps as one."""
    return (
        "; ".join(map(str, sweeps)),
        sorted({name for seen in sweeps for name in seen.red()}),
        [text for seen in sweeps for text in seen.violations],
    )


def fault_sweep(root: Path, control: str, scope: Scope) -> Told:
    seen = [sweep.sweep(root, control=control, layout=layout, form=form) for layout, form in scope.pairs()]
    if not control:
        seen.append(sweep.sweep(root, layout="multi-part", source=prepared(root / "single")))
    return swept(*seen)


def rewrite_faults(root: Path, control: str, scope: Scope) -> Told:
    upkeeps: tuple[Upkeep, ...] = ("rewrites",) if control else ("rewrites", "switches")
    every = 20 if control in SPARSE else 1
    return swept(
        *(
            sweep.sweep(root, control=control, every=every, upkeep=upkeep, layout=layout, form=form)
            for layout, form in scope.pairs()
            for upkeep in upkeeps
        )
    )


def call_kills(root: Path, control: str, scope: Scope) -> Told:
    seen = [
        sweep.kill_sweep(root, control=control, layout=layout, form=form) for layout, form in scope.pairs()
    ]
    if not control:
        seen.append(sweep.kill_sweep(root, layout="multi-part", source=prepared(root / "single")))
    return swept(*seen)


def children(root: Path, control: str, scope: Scope) -> Told:
    seen = [
        orphans.child_sweep(root, control=control, layout=layout, form=form) for layout, form in scope.pairs()
    ]
    return swept(*seen, *(orphans.pending_at_the_switch(root, control, layout) for layout in scope.layouts))


def damaged(root: Path, control: str, _scope: Scope) -> Told:
    runs = [damage.run(SMALL_LOG, root / kind, kind, control) for kind in ("cut", "flip")]
    told = f"{sum(len(seen.reports) for seen in runs)} damaged files"
    return (
        told,
        [name for seen in runs for name in seen.red()],
        [text for seen in runs for text in seen.violations],
    )


def parts(number: int, during_rewrites: int) -> dict[str, Part]:
    """In the order of the table."""
    return {
        "kills": kills(number, rewrites=False),
        "rewrites": kills(during_rewrites, rewrites=True),
        "power": power_cuts,
        "faults": fault_sweep,
        "rewrite-faults": rewrite_faults,
        "call-kills": call_kills,
        "children": children,
        "damage": damaged,
    }


def _place(part: str) -> str | None:
    """Kills need a disk; the other parts open thousands of small files and may do so in memory."""
    return None if part in ("kills", "rewrites") else in_memory()


def _plain(chosen: dict[str, Part]) -> bool:
    green = True
    for name, part in chosen.items():
        with tempfile.TemporaryDirectory(prefix="crash-", dir=_place(name)) as root:
            told, red, violations = part(Path(root), "", Scope())
        green &= not red
        print(f"{name:<15} {'RED ' + ', '.join(red) if red else 'green':<24} {told}", flush=True)
        for text in violations[:20]:
            print(f"{'':<15} {text}")
    return green


def _controls(chosen: dict[str, Part]) -> bool:
    all_red = True
    for row in tomllib.loads(CONTROLS.read_text(encoding="utf-8"))["control"]:
        if row["part"] not in chosen:
            continue
        layout, form = row.get("layout", "single-file"), row.get("form", "plain")
        with tempfile.TemporaryDirectory(prefix="crash-", dir=_place(row["part"])) as root:
            try:
                told = chosen[row["part"]](Path(root), row["name"], Scope((layout,), (form,)))
            except Exception as error:
                told = "", [f"failed: {error!r}"], []
        verdict = _verdict(row, told)
        all_red &= not verdict
        where = f"{row['name']:<26} {row['part']:<15} {layout:<12} {form:<9}"
        print(f"{'control':<15} {where} {verdict or 'red, as it must'}", flush=True)
    return all_red


def _verdict(row: dict[str, str], told: Told) -> str:
    """What is wrong with what was seen of a control; empty if it is red, and for the reason that it gives."""
    _, red, violations = told
    if row["expects"] not in red:
        return f"NOT RED: {red}"
    reasons = [text for text in violations if text.startswith(f"{row['expects']}: ")]
    if "saying" in row and not any(re.search(row["saying"], text) for text in reasons):
        return f"RED FOR ANOTHER REASON: {reasons[:3]}"
    return ""


def main() -> int:
    names = list(parts(0, 0))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--rewrite-kills", type=int, default=1_000)
    parser.add_argument("--part", choices=names, action="append", help="only this one (may be repeated)")
    parser.add_argument("--no-controls", action="store_true")
    options = parser.parse_args()
    logging.getLogger("aofstore").setLevel(logging.CRITICAL)
    every = parts(options.kills, options.rewrite_kills)
    chosen = {name: every[name] for name in options.part or names}
    green = _plain(chosen)
    return 0 if green & (options.no_controls or _controls(chosen)) else 1


if __name__ == "__main__":
    sys.exit(main())
