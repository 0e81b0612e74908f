"""The public types are what the documents say: mypy agrees with every assert_type."""

from pathlib import Path

from mypy import api


def test_public_types_are_as_documented() -> None:
    output, errors, status = api.run(["--strict", str(Path(__file__).with_name("store_types.py"))])
    assert status == 0, output + errors
