"""What pip sees: the installed distribution, wherever it was installed from."""

from importlib import metadata, resources

import pytest

import aofstore

pytestmark = pytest.mark.quick


def test_nothing_else_is_needed_at_run_time() -> None:
    needs = metadata.requires("aofstore") or []
    assert [line for line in needs if "extra ==" not in line] == []


def test_the_types_are_shipped() -> None:
    package = resources.files(aofstore)
    assert package.joinpath("py.typed").is_file()
    assert package.joinpath("_core.pyi").is_file()


def test_the_version_is_that_of_the_distribution() -> None:
    assert aofstore.__version__ == metadata.version("aofstore")


def test_the_licences_are_named() -> None:
    about = metadata.metadata("aofstore")
    assert about["License-Expression"] == "MIT OR Apache-2.0"
    assert set(about.get_all("License-File") or []) == {
        "LICENSE",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "LICENSE-THIRD-PARTY",
    }


def test_the_console_script_points_at_main() -> None:
    (script,) = metadata.entry_points(group="console_scripts", name="aofstore")
    assert script.value == "aofstore.__main__:main"
