"""Sphinx settings."""

import inspect
import re
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import attrs
from sphinx.util.inspect import stringify_signature

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from tools.api import with_entries, without_index
from tools.choices import with_choices
from tools.rules import all_markers, shown_by, with_links, with_tests
from tools.specification import with_specification

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
LONGEST = 30
"""The longest default in a signature, in characters."""
TERM = re.compile(r"^\* \*\*(.+?)\*\*", re.MULTILINE)
SHOWN = shown_by(all_markers())


def complete_rules(_: Any, page: str, source: list[str]) -> None:
    """Put the tests below the rules and the tables of choices in their places; make every rule that is named a link."""
    if page.startswith("rules/"):
        source[0] = with_tests(source[0], SHOWN)
    source[0] = with_links(with_specification(with_choices(source[0])))


def complete_reference(_: Any, page: str, source: list[str]) -> None:
    """Put the public names on the pages of the API reference, where all links to them lead."""
    source[0] = with_entries(source[0]) if page.startswith("api/") else without_index(source[0])


def anchor_terms(_: Any, page: str, source: list[str]) -> None:
    """Make each term of the glossary a target: that of ``**Circuit breaker**`` is ``term-circuit-breaker``."""
    if page == "glossary":
        source[0] = TERM.sub(_anchored, source[0])


def _anchored(term: re.Match[str]) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", term[1].lower()).strip("-")
    return f"* (term-{slug})=\n  **{term[1]}**"


class Elided:
    """Stand in a signature for a default that is long, or made for each object."""

    def __repr__(self) -> str:
        return "…"


def shorten(app: Any, what: str, name: str, value: Any, options: Any, shown: str | None, returns: str | None) -> Any:
    """Show ``policy=…`` for ``policy=Policy(public_base_url=None, …)``."""
    if shown is None or what not in ("class", "exception"):
        return None
    if issubclass(value, Enum) or getattr(value, "_is_protocol", False):
        return "", returns  # they are not made by a call
    signature = inspect.signature(value)
    return stringify_signature(
        signature.replace(parameters=[_shortened(each) for each in signature.parameters.values()]),
        show_annotation=False,
        show_return_annotation=False,
    ), returns


def _shortened(parameter: inspect.Parameter) -> inspect.Parameter:
    default = parameter.default
    plain = default is inspect.Parameter.empty or (default is not attrs.NOTHING and len(repr(default)) <= LONGEST)
    return parameter if plain else parameter.replace(default=Elided())


def to_read_again(_: Any, env: Any, *changes: set[str]) -> list[str]:
    """Name the pages of rules and of the API reference, since a change of the tests or of the code changes them."""
    return [page for page in env.found_docs if page.startswith(("rules/", "api/"))]


def setup(app: Any) -> None:
    """Register the functions above with Sphinx."""
    app.connect("source-read", complete_rules)
    app.connect("source-read", complete_reference)
    app.connect("source-read", anchor_terms)
    app.connect("autodoc-process-signature", shorten)
    app.connect("env-get-outdated", to_read_again)
