"""The built-in catalogues: complete in every language, and made of the sentences in the source."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel import Locale
from babel.messages.extract import extract
from babel.messages.plurals import get_plural
from polib import POFile, pofile

import matrix_threepid
from matrix_threepid import Texts
from matrix_threepid.texts import page_wording
from matrix_threepid.texts.catalogue import LOCALE, SOURCE
from matrix_threepid.texts.own import placeholders

_TEXTS = Path(matrix_threepid.__file__).parent / "texts"
LANGUAGES = [tag for tag in Texts().languages if tag != SOURCE]


def _read(tag: str) -> POFile | None:
    """Return a catalogue; ``None`` in the wheel, which has the compiled ones."""
    path = LOCALE / f"{tag}.po"
    return pofile(str(path)) if path.is_file() else None


def test_every_language_has_every_sentence() -> None:
    """A catalogue has each sentence, with its placeholders and plural forms: nobody reads two languages in one mail."""
    assert [wrong for tag in LANGUAGES for wrong in _wrong(tag)] == []


def _wrong(tag: str) -> Iterator[str]:
    catalogue = Texts().catalogue(tag)
    for text, many in page_wording.ALL.items():
        forms = [
            catalogue._translations.ngettext(text, many, n) if many else catalogue._translations.gettext(text)
            for n in range(120 if many else 1)
        ]
        for form in set(forms):
            if form in (text, many) and text not in _SAME.get(tag, ()):
                yield f"{tag}: {text!r} is not translated"
            if placeholders(form) != placeholders(text):
                yield f"{tag}: {text!r} has other placeholders"
            if form.strip() != form or "\n" in form:
                yield f"{tag}: {text!r} has spaces around it"
    yield from _wrong_source(tag)


def _wrong_source(tag: str) -> Iterator[str]:
    source = _read(tag)
    if source is None:
        return
    rule = get_plural(tag.replace("-", "_"))
    if source.metadata["Plural-Forms"] != f"nplurals={rule.num_plurals}; plural={rule.plural_expr};":
        yield f"{tag}: Plural-Forms are not those of the language"
    if [entry.msgid for entry in source] != list(page_wording.ALL):
        yield f"{tag}: the sentences are not those of the source, in its order"
    for entry in source:
        if entry.fuzzy or entry.obsolete:
            yield f"{tag}: {entry.msgid!r} is fuzzy or obsolete"
        if entry.msgid_plural and len(entry.msgstr_plural) != rule.num_plurals:
            yield f"{tag}: {entry.msgid!r} has {len(entry.msgstr_plural)} plural forms"


# Words that a language has in common with English.
_SAME: dict[str, tuple[str, ...]] = {
    "fr": ("%(n)s minute", "Conversation"),
    "it": ("Account",),
    "nl": ("Account",),
    "ro": ("%(n)s minute",),
}


# Forms of address that a catalogue does not use, since its other sentences have the polite ones.
_FAMILIAR = {
    "de": "du dein deine deinem deinen deiner deines dich dir",
    "es": "tu tus tú ti puedes tienes",
    "fr": "tu ton ta tes toi",
    "it": "tu tuo tua tuoi tue hai",
    "nl": "je jij jou jouw",
    "pt": "tu teu tua teus tuas você",
    "ru": "ты твой твоя твоей твоего твои",
    "uk": "ти твій твоя твоєї твого твої",
}


def test_a_catalogue_speaks_to_its_reader_in_one_way() -> None:
    """A language with a polite and a familiar form of address has the polite one in every sentence."""
    found = []
    for tag, words in _FAMILIAR.items():
        catalogue = Texts().catalogue(tag)._translations
        for text in page_wording.ALL:
            said = catalogue.gettext(text)
            wrong = set(re.findall(r"\w+", said.lower())) & set(words.split())
            found += [(tag, said, wrong)] if wrong else []
    assert found == []


def test_extraction_finds_every_sentence() -> None:
    """What ``pybabel extract`` finds in the source is what the library says, so that translators miss nothing."""
    keywords = {"mark": None, "mark_plural": (1, 2)}
    sources = [(_TEXTS / name).read_bytes() for name in ("wording.py", "page_wording.py")]
    found = [message for source in sources for _, message, _, _ in extract("python", io.BytesIO(source), keywords)]
    singles = [each if isinstance(each, str) else each[0] for each in found]
    assert list(dict.fromkeys(singles)) == list(page_wording.ALL)


def test_the_docs_list_every_language() -> None:
    """The page about mails names each language that there are texts in, and no other."""
    page = (Path(__file__).parents[1] / "docs" / "mail.md").read_text("utf-8")
    names = [f"{Locale.parse(tag, sep='-').get_display_name('en')} (`{tag}`)" for tag in Texts().languages]
    assert f"There are texts in {', '.join(sorted(names))}." in " ".join(page.split())
