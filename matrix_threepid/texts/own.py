"""The catalogues in a host's directory: read, checked sentence by sentence, and compiled.

Whatever could go wrong when a message is written is refused here, with file and line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from gettext import c2py
from pathlib import Path

from polib import POEntry, POFile, pofile

from ..protocol.errors import ConfigurationError
from ..protocol.languages import TAG
from . import page_wording

_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%|%")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE = re.compile(r'(?:(?:msgctxt|msgid|msgid_plural|msgstr|msgstr\[\d\])\s*)?"(?:[^"\\]|\\.)*"')
_FORMS = re.compile(r"\s*nplurals\s*=\s*([1-6])\s*;\s*plural\s*=\s*([^;]+);?\s*")
_LAYOUTS = ("mail.html", "mail.txt", "page.html", "page.css")
_SUFFIXES = (".po", ".mo", ".html", ".txt", ".css", ".json")


def read_own(directory: Path) -> dict[str, bytes]:
    """Return the compiled catalogues of a directory by language tag. Raises ``ConfigurationError``."""
    found = {}
    for path in sorted(directory.iterdir()):
        if path.suffix == ".po":
            found[path.stem] = _compiled(path)
        elif path.suffix in _SUFFIXES and path.name not in _LAYOUTS:
            raise ConfigurationError(
                f"texts: {path}: there is no text of this name, only TAG.po, {', '.join(_LAYOUTS)}"
            )
    return found


def _compiled(path: Path) -> bytes:
    if not TAG.fullmatch(path.stem):
        raise ConfigurationError(f"texts: {path}: must be named after a language tag, such as de.po or pt-BR.po")
    catalogue = _parsed(path)
    seen: set[str] = set()
    for entry in catalogue:
        if entry.obsolete:
            continue
        wrong = "this sentence was there before" if entry.msgid in seen else next(_wrong(entry, catalogue), None)
        if wrong is not None:
            raise ConfigurationError(f"texts: {path}:{_line(entry, path.read_text('utf-8'))}: {wrong}")
        seen.add(entry.msgid)
    catalogue.encoding = "utf-8"
    catalogue.metadata["Content-Type"] = "text/plain; charset=utf-8"  # else `gettext` reads ASCII alone
    binary: bytes = catalogue.to_binary()
    return binary


def _parsed(path: Path) -> POFile:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"texts: {path}:{line}: must be UTF-8") from None
    for number, written in enumerate(text.splitlines(), 1):
        # polib takes what cannot be read for a part of the sentence before, so that it would be left out silently.
        if written.strip() and not written.startswith("#") and not _LINE.fullmatch(written.strip()):
            raise ConfigurationError(f"texts: {path}:{number}: this is no catalogue of gettext")
    try:
        # Its path is not given, since for a file that declares another encoding polib would read that.
        return pofile(f"{text}\n")
    except (OSError, ValueError, IndexError) as error:
        named = re.search(r"line (\d+)", str(error))
        raise ConfigurationError(f"texts: {path}:{named[1] if named else 1}: this is no catalogue of gettext") from None


def _line(entry: POEntry, text: str) -> int:
    # polib says 0 for the first sentence of a catalogue without a header.
    first = next((number for number, line in enumerate(text.splitlines(), 1) if line.startswith("msg")), 1)
    return entry.linenum or first


def _wrong(entry: POEntry, catalogue: POFile) -> Iterator[str]:
    """Return what is wrong with a sentence, in the words of an error."""
    if entry.msgctxt or entry.msgid not in page_wording.ALL:
        close = difflib.get_close_matches(entry.msgid, page_wording.ALL, 1)
        yield f"there is no such sentence{f'; did you mean {close[0]!r}?' if close else ''}"
        return
    many = page_wording.ALL[entry.msgid]
    if (entry.msgid_plural or None) != many:
        yield f"msgid_plural must be {many!r}" if many else "this sentence has no plural"
        return
    if many:
        yield from _wrong_forms(entry, catalogue)
    allowed = placeholders(entry.msgid)
    for text in entry.msgstr_plural.values() if many else [entry.msgstr]:
        if _CONTROLS.search(text):
            yield "must have no line break and no other control character"
        for found in _PLACEHOLDER.finditer(text):
            if found[0] == "%":
                yield "a percent sign is written %%"
            elif found[1] and found[1] not in allowed:
                named = ", ".join(f"%({name})s" for name in sorted(allowed)) or "none"
                yield f"unknown placeholder %({found[1]})s, allowed: {named}"
        if text and "code" in allowed and "%(code)s" not in text:
            yield "must have %(code)s"


def _wrong_forms(entry: POEntry, catalogue: POFile) -> Iterator[str]:
    found = _FORMS.fullmatch(catalogue.metadata.get("Plural-Forms", ""))
    if found is None:
        yield "the header must have Plural-Forms, such as nplurals=2; plural=(n != 1);"
        return
    count = int(found[1])
    try:
        highest = max(map(c2py(found[2]), range(1000)))
    except (ValueError, ZeroDivisionError):
        highest = count
    if highest >= count:
        yield "the header has Plural-Forms that are no rule for its number of forms"
    if sorted(entry.msgstr_plural) != list(range(count)):
        yield f"must have the plural forms msgstr[0] to msgstr[{count - 1}]"


def placeholders(text: str) -> frozenset[str]:
    """Return the names of the placeholders in a sentence.

    >>> sorted(placeholders("%(code)s on %(server)s, 100 %%"))
    ['code', 'server']
    """
    return frozenset(found[1] for found in _PLACEHOLDER.finditer(text) if found[1])
