"""What api and documents name already and a later release brings: the one place for that refusal."""

from __future__ import annotations

from typing import NoReturn

from .errors import AofstoreError

INTEROP = "the release with multi-part logs and snapshots (0.3)"


class NotYetAvailableError(AofstoreError):
    """The feature is named in the interface, but this release does not have it yet."""


def not_yet(feature: str, release: str) -> NoReturn:
    """Raise `NotYetAvailableError`, saying which release brings ``feature``."""
    raise NotYetAvailableError(f"{feature} is not available yet: {release} brings it")
