"""Sphinx settings: MyST pages, furo's look; `make docs` turns every warning into an error."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

project = "aofstore"
author = "The aofstore authors"
copyright = f"2026, {author}"
release = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]["package"]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "aofstore"

autodoc_typehints = "description"
autodoc_member_order = "bysource"
nitpicky = False
