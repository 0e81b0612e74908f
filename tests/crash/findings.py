"""What a part of the crash harness found wrong, by kinds: a control says which of them it is red for."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(kw_only=True)
class Findings:
    """How often each kind was seen, and the texts: of each kind so many that one cannot hide another."""

    TOLD: ClassVar[float] = math.inf

    violations: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, text: str) -> None:
        self.kinds[kind] += 1
        if self.kinds[kind] <= self.TOLD:
            self.violations.append(f"{kind}: {text}")

    def red(self) -> list[str]:
        """What is wrong with the run; empty if nothing is."""
        return sorted(self.kinds)
