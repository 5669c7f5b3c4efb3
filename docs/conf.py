"""Sphinx settings."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from tools.choices import with_choices
from tools.rules import all_markers, shown_by, with_links, with_tests

from matrix_threepid import __version__

project = "matrix_threepid"
author = "The matrix_threepid maintainers"
copyright = author  # noqa: A001  Sphinx wants this name
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"matrix_threepid {__version__}"
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
nitpicky = False
SHOWN = shown_by(all_markers())


def complete_rules(_: Any, page: str, source: list[str]) -> None:
    """Put the tests below the rules and the tables of choices in their places; make every rule that is named a link."""
    if page.startswith("rules/"):
        source[0] = with_tests(source[0], SHOWN)
    source[0] = with_links(with_choices(source[0]))


def rules_to_read_again(_: Any, env: Any, *changes: set[str]) -> list[str]:
    """Name the pages of rules, since a change of the tests changes them."""
    return [page for page in env.found_docs if page.startswith("rules/")]


def setup(app: Any) -> None:
    """Register the functions above with Sphinx."""
    app.connect("source-read", complete_rules)
    app.connect("env-get-outdated", rules_to_read_again)
