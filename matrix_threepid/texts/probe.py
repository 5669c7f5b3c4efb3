"""Render a host's own layouts with sample values, so that a slip is found while the host starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve

from ..model.brand import Brand
from ..model.message import MessageKind, TokenMessage
from ..model.threepid import Medium, Purpose
from ..protocol.errors import ConfigurationError
from .catalogue import Texts
from .failure import CannotRender
from .layouts import MAIL_HTML, MAIL_TEXT, PAGE
from .mails import words_for
from .pages import PAGES, BuiltInPages

_SERVER = "server.example.org"
_LINK = "https://server.example.org/sample?sid=sample&token=sample"
_CODE = "402913"
_LARGEST = 100_000
# What would be markup if a layout did not escape it. Users and clients choose such values.
_MARKUP = "<i>&amp;"


def probe(texts: Texts, languages: Iterable[str]) -> None:
    """Render every own layout in every language, for every kind of message or page.

    Raises ``ConfigurationError`` with file, line and reason if one fails, does not escape a value, or leaves out what
    proves an address: the link, the code, the fields of the form.
    """
    texts.layouts.style  # noqa: B018  reading it checks it
    for language in languages:
        try:
            wrong = next(_wrong(texts, language), None)
        except CannotRender as error:
            wrong = str(error)
        if wrong is not None:
            raise ConfigurationError(f"texts: {wrong} (in {language})")


def _wrong(texts: Texts, language: str) -> Iterator[str]:
    own = texts.layouts.own
    for message in _messages(language) if {MAIL_HTML, MAIL_TEXT} & set(own) else ():
        words = words_for(texts, message, _SERVER)
        if MAIL_HTML in own:
            yield from _wrong_html(texts, words.html(texts), message)
        if MAIL_TEXT in own:
            yield from _wrong_text(texts, words.text(texts), message)
    for page in PAGES if PAGE in own else ():
        yield from _wrong_page(texts, page, language)


def _messages(language: str) -> Iterator[TokenMessage]:
    one = TokenMessage(
        medium=Medium.EMAIL,
        recipient="reader@example.org",
        purpose=Purpose.ADD,
        kind=MessageKind.TOKEN,
        link=_LINK,
        code=_CODE,
        account=f"@{_MARKUP}:{_SERVER}",
        origin="203.0.113.*",
        language=language,
        brand=Brand(name="Example", logo="https://example.org/logo.png", support="help@example.org"),
        requested_at=0,
        lifetime=3_600_000,
        deadline=1,
    )
    plain = evolve(one, brand=Brand(), account=None, origin="")
    for purpose in Purpose:
        yield from (
            evolve(one, purpose=purpose),
            evolve(one, purpose=purpose, code=None),
            evolve(one, purpose=purpose, link=None),
            evolve(plain, purpose=purpose),
        )
    for kind in (MessageKind.IN_USE, MessageKind.UNKNOWN_ADDRESS, MessageKind.ADDED, MessageKind.PASSWORD_CHANGED):
        yield evolve(one, kind=kind, link=None, code=None, concerns="a***@example.org")


def _wrong_html(texts: Texts, html: str, message: TokenMessage) -> Iterator[str]:
    path = texts.layouts.path(MAIL_HTML)
    if len(html) > _LARGEST:
        yield f"{path}: must make mails of at most {_LARGEST} characters, since Gmail shows no more"
    if _MARKUP in html:
        yield f"{path}: does not escape a value"
    if message.link and _LINK.replace("&", "&amp;") not in html:
        yield f"{path}: must have {{{{ link }}}}"
    if message.code and message.code not in html:
        yield f"{path}: must have {{{{ code }}}}"


def _wrong_text(texts: Texts, text: str, message: TokenMessage) -> Iterator[str]:
    path, lines = texts.layouts.path(MAIL_TEXT), text.splitlines()
    # Alone, since programs that make links of texts would take what follows for a part of it.
    if message.link and _LINK not in lines:
        yield f"{path}: must have {{{{ link }}}} alone on a line"
    if message.code and message.code not in text:
        yield f"{path}: must have {{{{ code }}}}"


def _wrong_page(texts: Texts, page: str, language: str) -> Iterator[str]:
    path = texts.layouts.path(PAGE)
    values = {"server": _SERVER, "sid": "sample-sid", "token": "sample-token", "purpose": "add"}
    more = {"address": _MARKUP, "account": _MARKUP, "time": "now", "origin": "203.0.113.*", "host": "app.example.org"}
    pages = BuiltInPages(texts)
    for given in (values, values | more, {"server": _SERVER}):
        document = pages.render(page, language, given)
        if _MARKUP in document:
            yield f"{path}: does not escape a value"
        if "<script" in document.lower():
            yield f"{path}: must have no script, which its headers would block"
    asks = page in ("confirm", "refuse")
    full = pages.render(page, language, values)
    if asks and not all(f'value="sample-{name}"' in full and f'name="{name}"' in full for name in ("sid", "token")):
        yield f"{path}: must have the form with {{{{ button }}}} and all of {{{{ fields }}}}"
    if asks and 'action="submit_token"' not in full:
        yield f'{path}: the form must have action="submit_token"'
