"""Sentences by language, read from a catalogue and filled with values.

A sentence with a placeholder that has no value is left out. So one list of sentences serves messages with many values
and messages with few.
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
    """The sentences and layouts of a directory. A file that is missing there is the built-in one.

    * ``directory``: a folder with ``en.json`` and catalogues of other languages, ``mail.html``, ``mail.txt`` and
      ``page.html``, each of which may be missing; ``None`` for the built-in texts (``en`` and ``de``).

    >>> from matrix_threepid import Texts
    >>> Texts().sentences("en", "page", "expired", "title")
    ['This link is too old']
    """

    def __init__(self, directory: Path | str | None = None) -> None:
        if directory is not None and not Path(directory).is_dir():
            raise ConfigurationError(f"texts: there is no directory {str(directory)!r}")
        self._directories = (BUILT_IN,) if directory is None else (Path(directory), BUILT_IN)
        self._catalogue = cache(self._read_catalogue)
        self.layout = cache(self._read_layout)

    def sentences(self, language: str, *keys: str) -> list[str]:
        """Return the sentences under a path of keys; an empty list if there are none.

        * ``language``: the tag of a catalogue. A path that it lacks is read from ``en``.
        * ``keys``: the path, such as ``"mail", "add", "lines"``.
        """
        found = _entry(self._catalogue(language), keys) or _entry(self._catalogue("en"), keys) or []
        return [found] if isinstance(found, str) else list(found)

    def filled(self, language: str, values: Mapping[str, str], *keys: str) -> list[str]:
        """Return the sentences under a path of keys, filled with ``values``; those that lack a value are left out."""
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
