"""``Texts``: the sentences and layouts of mails, pages and SMS, in every language, with those a host has of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache, cached_property
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from ..protocol.errors import ConfigurationError
from ..protocol.languages import direction, look_up
from ..protocol.wiring import demand

if TYPE_CHECKING:
    from .layouts import Layouts

HERE = Path(__file__).parent
LOCALE = HERE / "locale"
SOURCE = "en"
"""The language of the sentences in the source, which needs no catalogue."""
# They keep a value that is written from left to right in one piece inside a sentence that is not:
# https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates
_ISOLATED = "\u2068{}\u2069"


@frozen(eq=False)
class Catalogue:
    """The sentences of one language.

    * ``tag``: its language tag.
    """

    tag: str
    _translations: NullTranslations = field(repr=False)

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return direction(self.tag)

    def text(self, message: str) -> str:
        """Return the translation of a sentence without placeholders."""
        # Filled with nothing, so that a percent sign is written alike in all sentences.
        return self._translations.gettext(message) % {}

    def fill(self, message: str, values: Mapping[str, str]) -> str | None:
        """Return the translation of a sentence, filled with values; ``None`` if it names one that is missing or empty.

        In a language that is written from right to left each value is isolated, so that a user id stays in one piece.
        """
        known = {name: self.isolate(value) for name, value in values.items() if value}
        try:
            return self._translations.gettext(message) % known
        except KeyError:
            return None

    def fill_all(self, messages: Iterable[str], values: Mapping[str, str]) -> list[str]:
        """Return the sentences that have all their values."""
        return [filled for message in messages if (filled := self.fill(message, values)) is not None]

    def count(self, forms: tuple[str, str], number: int) -> str:
        """Return the form of a sentence with ``%(n)s`` for a number."""
        return self._translations.ngettext(*forms, number) % {"n": number}

    def isolate(self, value: str) -> str:
        """Return a value as a sentence of this language may hold it."""
        return _ISOLATED.format(value) if self.direction == "rtl" else value


class Texts:
    """The sentences and layouts of mails, pages and SMS: built-in ones, and those of a directory in their place.

    * ``directory``: a folder with any of ``TAG.po`` (sentences by language, such as ``de.po`` or ``pt-BR.po``),
      ``mail.html``, ``mail.txt``, ``page.html`` (layouts in Jinja2) and ``page.css``; ``None`` for the built-in ones.

    What is missing in the directory is built in. Raises ``ConfigurationError`` with file and line for what can never
    work: a sentence that the library does not have, a placeholder that a sentence does not have, a layout that cannot
    be rendered, a file of another name.

    >>> from matrix_threepid import Texts
    >>> Texts().catalogue("de").text("This link has expired")
    'Dieser Link ist abgelaufen'
    """

    def __init__(self, directory: Path | str | None = None) -> None:
        given = directory is None or (isinstance(directory, str | Path) and str(directory) != "")
        demand("texts", given, bool, "must be the path of a folder, or None for the built-in texts")
        self.directory = None if directory is None else Path(directory)
        self._own: dict[str, bytes] = {}
        self._known: dict[str, Catalogue] = {}
        if self.directory is None:
            return
        if not self.directory.is_dir():
            raise ConfigurationError(f"texts: there is no directory {str(directory)!r}")
        # Read at once, so that a slip is found while the host starts and not when somebody waits for a mail.
        from .own import read_own

        self._own = read_own(self.directory)

    @property
    def languages(self) -> tuple[str, ...]:
        """The tags of all catalogues, built-in ones and the host's."""
        return tuple(sorted({*built_in(), *self._own}))

    def catalogue(self, language: str) -> Catalogue:
        """Return the catalogue for a language; for one without any, the English one.

        * ``language``: a tag. ``de-AT`` gets the sentences of ``de`` where it has none of its own.
        """
        known = self._known.get(language)
        # Kept by the tag of the catalogue, of which there are few, and not by the one that a client chose.
        return self._read(look_up(language, self.languages) or SOURCE) if known is None else known

    @cached_property
    def layouts(self) -> Layouts:
        """The layouts; loaded when something is rendered first."""
        from .layouts import Layouts

        return Layouts(self.directory)

    def check(self, languages: Collection[str]) -> None:
        """Raise ``ConfigurationError`` for a language without a catalogue.

        * ``languages``: those of ``Policy.languages``. A role calls this when it is made.
        """
        for language in languages:
            if look_up(language, self.languages) is None:
                raise ConfigurationError(
                    f"policy.languages: there are no texts in {language!r}, only in {', '.join(self.languages)}"
                )

    def _read(self, tag: str) -> Catalogue:
        known = self._known.get(tag)
        if known is not None:
            return known
        translations = _load(look_up(tag, built_in()) or SOURCE)
        if tag in self._own:
            own = GNUTranslations(BytesIO(self._own[tag]))
            own.add_fallback(translations)
            translations = own
        self._known[tag] = Catalogue(tag, translations)
        return self._known[tag]


@cache
def built_in() -> tuple[str, ...]:
    """Return the tags of the built-in languages."""
    files = [*LOCALE.glob("*.mo"), *LOCALE.glob("*.po")]
    return tuple(sorted({SOURCE, *(path.stem for path in files)}))


def _load(tag: str) -> NullTranslations:
    """Return the built-in sentences of a language."""
    if tag == SOURCE:
        return NullTranslations()
    compiled = LOCALE / f"{tag}.mo"
    if compiled.is_file():
        return GNUTranslations(BytesIO(compiled.read_bytes()))
    # In a clone there are the sources alone: `setup.py` compiles them for the wheel only, so that none is ever old.
    from polib import pofile

    return GNUTranslations(BytesIO(pofile(str(LOCALE / f"{tag}.po")).to_binary()))
