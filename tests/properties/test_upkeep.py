"""That the machines' rules about the log see a key that an opening loses."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.test_strings import Strings


class Forgetful(Strings):
    """Each opening loses a key."""

    def open_again(self) -> None:
        super().open_again()
        key = self.store.randomkey()
        if key is not None:
            self.store.delete(key)


def test_the_machines_see_a_key_that_an_opening_loses() -> None:
    once = settings(settings(), phases=[Phase.generate], max_examples=12)
    with pytest.raises(AssertionError, match=r"reopened|opened as after SIGKILL"):
        run_state_machine_as_test(Forgetful, settings=once)
