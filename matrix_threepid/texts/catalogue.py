"""What people read, by language: sentences out of a catalogue, filled in one pass.

A sentence with a placeholder that has no value is left out, so one list of sentences serves
requests that say much and requests that say little.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from ..protocol.errors import ConfigurationError

BUILT_IN = Path(__file__).parent / "templates"


class Texts:
    """The sentences and layouts of a directory; what is missing there comes from the built-in one.

    A directory may hold ``en.json`` and other catalogues, ``mail.html``, ``mail.txt`` and ``page.html``.
    """

    def __init__(self, directory: Path | str | None = None) -> None:
        if directory is not None and not Path(directory).is_dir():
            raise ConfigurationError(f"texts: there is no directory {str(directory)!r}")
        self._directories = (BUILT_IN,) if directory is None else (Path(directory), BUILT_IN)
        self._catalogue = cache(self._read_catalogue)
        self.layout = cache(self._read_layout)

    def sentences(self, language: str, *keys: str) -> list[str]:
        """Return the sentences under ``keys`` (such as ``"mail", "add", "lines"``); none if there is no such entry."""
        found = _entry(self._catalogue(language), keys) or _entry(self._catalogue("en"), keys) or []
        return [found] if isinstance(found, str) else list(found)

    def filled(self, language: str, values: Mapping[str, str], *keys: str) -> list[str]:
        """Return the sentences under ``keys`` filled with ``values``, without those that lack one."""
        return list(filter(None, (_fill(sentence, values) for sentence in self.sentences(language, *keys))))

    def _read_catalogue(self, language: str) -> dict[str, Any]:
        path = self._find(f"{language}.json")
        return {} if path is None else json.loads(path.read_text("utf-8"))

    def _read_layout(self, name: str) -> Template:
        path = self._find(name)
        if path is None:
            raise FileNotFoundError(name)
        return Template(path.read_text("utf-8"))

    def _find(self, name: str) -> Path | None:
        return next((folder / name for folder in self._directories if (folder / name).is_file()), None)


def paragraphs(sentences: Iterable[str]) -> str:
    """Return sentences as HTML paragraphs, escaped."""
    return "\n".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


def _entry(catalogue: Mapping[str, Any], keys: Sequence[str]) -> Any:
    found: Any = catalogue
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _fill(sentence: str, values: Mapping[str, str]) -> str | None:
    known = {name: value for name, value in values.items() if value}
    try:
        return Template(sentence).substitute(known)
    except KeyError:
        return None
