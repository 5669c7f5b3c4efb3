"""Layouts in Jinja2: a host's own in place of the built-in ones.

They are rendered in a sandbox, every value is escaped in HTML, and a name that has no value is an error. A host's
layout may extend the one it replaces: ``{% extends "built-in/mail.html" %}``.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader, StrictUndefined, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from ..protocol.errors import ConfigurationError
from .failure import CannotRender

TEMPLATES = Path(__file__).parent / "templates"
MAIL_HTML, MAIL_TEXT, PAGE = "mail.html", "mail.txt", "page.html"
NAMES = (MAIL_HTML, MAIL_TEXT, PAGE)


class Layouts:
    """The layouts of a host.

    * ``directory``: the folder with its own; ``None`` for the built-in ones.
    * ``own``: the names of its own.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self.own = () if directory is None else tuple(name for name in NAMES if (directory / name).is_file())
        # The built-in ones are compiled once in a process.
        self._environment = _environment(directory) if directory is not None and self.own else _built_in_environment()

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Return a layout filled with values. Raises ``CannotRender``."""
        try:
            return self._environment.get_template(name).render(values)
        except Exception as error:
            # Whatever it is, a layout raised it: nothing else runs here.
            raise CannotRender(self._reason(name, error)) from None

    def path(self, name: str) -> str:
        """Return the path of a layout of the host, for messages."""
        return str((self._directory or TEMPLATES) / name)

    @cached_property
    def style(self) -> Markup:
        """The style sheet of the pages. Raises ``ConfigurationError`` for one that would end its element."""
        own = None if self._directory is None else self._directory / "page.css"
        path = TEMPLATES / "page.css" if own is None or not own.is_file() else own
        style = path.read_text("utf-8")
        if "</" in style:
            raise ConfigurationError(f"texts: {path}: must have no </")
        return Markup(style)  # noqa: S704  from a file of the operator

    def _reason(self, name: str, error: Exception) -> str:
        """Return file, line and reason of an error. Values are not in it."""
        if isinstance(error, TemplateSyntaxError):
            return f"{error.filename or name}:{error.lineno}: {error.message}"
        files = (str(TEMPLATES), str(self._directory))
        lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(files)]
        at = f"{lines[-1].filename}:{lines[-1].lineno}" if lines else name
        return f"{at}: {type(error).__name__}: {error}"


@cache
def _built_in_environment() -> ImmutableSandboxedEnvironment:
    return _environment(None)


def _environment(directory: Path | None) -> ImmutableSandboxedEnvironment:
    built_in = FileSystemLoader(TEMPLATES)
    own = [] if directory is None else [FileSystemLoader(directory)]
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([*own, PrefixLoader({"built-in": built_in}), built_in]),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    # With them a layout could show a value that is not escaped (SEC-16).
    for name in ("safe", "xmlattr"):
        del environment.filters[name]
    return environment
