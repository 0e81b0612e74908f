"""``make crash``: kills, power cuts, the fault sweep, damaged files, and the red controls of all of them.

Prints a table; ends with status 1 if anything was lost, refused or silent, or if a control stayed green.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.crash import damage, power, sweep
from tests.crash.kills import Killer
from tests.crash.samples import SMALL_LOG
from tests.servers.places import in_memory

CONTROLS = Path(__file__).with_name("controls.toml")
CONTROL_KILLS = 30
POWER_SEEDS = 3
POWER_FLOOR = 5000
POWER_AGAIN = 25
CONTROL_STEPS = 24
CONTROL_FLOOR = 300
CONTROL_AGAIN = 6


def kills(
    root: Path, number: int, control: str = "", *, rewrites: bool = False
) -> tuple[str, list[str], list[str]]:
    with Killer(root, seed=1, control=control, rewrites=rewrites) as killer:
        tally = killer.run(number)
    told = (
        f"{tally.kills} kills, {tally.share:.0%} in flight, {tally.rewriting_share:.0%} in rewrites, "
        f"{tally.operations} operations, {tally.seconds:.0f} s"
    )
    return told, tally.red(), tally.violations


def fault_sweep(root: Path, control: str = "") -> tuple[str, list[str], list[str]]:
    seen = sweep.sweep(root, control=control)
    return f"{seen.planned} faults planned, {seen.injected} injected", seen.red(), seen.violations


def damaged(root: Path, control: str = "") -> tuple[str, list[str], list[str]]:
    runs = [damage.run(SMALL_LOG, root / kind, kind, control) for kind in ("cut", "flip")]
    told = f"{sum(len(seen.reports) for seen in runs)} damaged files"
    return (
        told,
        [name for seen in runs for name in seen.red()],
        [text for seen in runs for text in seen.violations],
    )


def power_cuts(root: Path, control: str = "") -> tuple[str, list[str], list[str]]:
    if control:
        seen = power.cut(root, power.stories(1, control, CONTROL_STEPS), CONTROL_FLOOR, CONTROL_AGAIN)
    else:
        seen = power.cut(root, power.stories(POWER_SEEDS), POWER_FLOOR, POWER_AGAIN)
    return str(seen), seen.red(), seen.violations


PARTS: dict[str, Callable[[Path, str], tuple[str, list[str], list[str]]]] = {
    "kills": lambda root, control: kills(root, CONTROL_KILLS, control),
    "rewrites": lambda root, control: kills(root, CONTROL_KILLS, control, rewrites=True),
    "power": power_cuts,
    "faults": fault_sweep,
    "damage": damaged,
}


def _place(part: str) -> str | None:
    """Kills need a disk; the other parts open thousands of small files and may do so in memory."""
    return None if part in ("kills", "rewrites") else in_memory()


def _plain(number: int, during_rewrites: int) -> bool:
    green = True
    for name, part in (
        ("kills", lambda root, _: kills(root, number)),
        ("rewrites", lambda root, _: kills(root, during_rewrites, rewrites=True)),
        ("power", power_cuts),
        ("faults", fault_sweep),
        ("damage", damaged),
    ):
        with tempfile.TemporaryDirectory(prefix="crash-", dir=_place(name)) as root:
            told, red, violations = part(Path(root), "")
        green &= not red
        print(f"{name:<10} {'RED ' + ', '.join(red) if red else 'green':<24} {told}", flush=True)
        for text in violations[:20]:
            print(f"           {text}")
    return green


def _controls() -> bool:
    all_red = True
    for row in tomllib.loads(CONTROLS.read_text(encoding="utf-8"))["control"]:
        with tempfile.TemporaryDirectory(prefix="crash-", dir=_place(row["part"])) as root:
            try:
                _, red, _ = PARTS[row["part"]](Path(root), row["name"])
            except Exception as error:
                red = [f"failed: {error!r}"]
        seen = row["expects"] in red
        all_red &= seen
        print(f"control    {row['name']:<24} {'red, as it must' if seen else f'NOT RED: {red}'}", flush=True)
    return all_red


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--rewrite-kills", type=int, default=1_000)
    parser.add_argument("--no-controls", action="store_true")
    options = parser.parse_args()
    logging.getLogger("aofstore").setLevel(logging.CRITICAL)
    green = _plain(options.kills, options.rewrite_kills)
    return 0 if green & (options.no_controls or _controls()) else 1


if __name__ == "__main__":
    sys.exit(main())
