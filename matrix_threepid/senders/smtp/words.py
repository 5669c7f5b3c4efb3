"""The words of a mail: sentences from a catalogue, put into the layouts ``mail.txt`` and ``mail.html``."""

from __future__ import annotations

import re
from html import escape
from string import Template

from attrs import field, frozen

from ...model.message import MessageKind, TokenMessage
from ...protocol.errors import ConfigurationError
from ...protocol.members import redacted
from ...texts.catalogue import Texts, paragraphs
from ._mime import without_controls

TEXT, HTML = "mail.txt", "mail.html"
_LANGUAGE = re.compile(r"[A-Za-z0-9-]{1,35}")
_PLACEHOLDERS = ("language", "subject", "lines", "token", "closing")


@frozen(kw_only=True)
class Words:
    """The sentences of one mail, in its language; not escaped.

    * ``language``: the language tag, for the HTML part.
    * ``subject``: the subject.
    * ``lines``: the sentences above the link or code.
    * ``closing``: the sentences below it; none in a notice.
    * ``link``, ``code``: what proves the address; at most one of them is set.
    """

    language: str
    subject: str
    lines: list[str]
    closing: list[str]
    link: str | None = field(repr=redacted)
    code: str | None = field(repr=redacted)

    def text(self, texts: Texts) -> str:
        """Return the text part; a link or code stands alone on its line, so that no program takes more for it."""
        filled = texts.layout(TEXT).substitute(
            language=self.language,
            subject=self.subject,
            lines="\n".join(self.lines),
            token=self.link or self.code or "",
            closing="\n".join(self.closing),
        )
        return filled.rstrip() + "\n"

    def html(self, texts: Texts) -> str:
        """Return the HTML part; every value is escaped here, so that no layout has to do it (SEC-16)."""
        return texts.layout(HTML).substitute(
            language=escape(self.language),
            subject=escape(self.subject),
            lines=paragraphs(self.lines),
            token=self._html_token(),
            closing=paragraphs(self.closing),
        )

    def _html_token(self) -> str:
        if self.link is not None:
            link = escape(self.link)
            return f'<p><a href="{link}">{link}</a></p>'
        return "" if self.code is None else f'<p style="font-size:24px"><strong>{escape(self.code)}</strong></p>'


def words_for(texts: Texts, message: TokenMessage, server_name: str) -> Words:
    """Return the sentences of a message.

    * ``texts``: the catalogues.
    * ``message``: the message. Its language counts if there is a catalogue for it, else English does.
    * ``server_name``: the name of the server as the mail shows it.
    """
    # A client chooses the language, and it becomes part of a file's name.
    language = message.language if _LANGUAGE.fullmatch(message.language) else "en"
    values = _values(message, server_name)
    proof = message.kind is MessageKind.TOKEN
    entry = message.purpose.value if proof else message.kind.value
    return Words(
        language=language,
        subject=" ".join(texts.filled(language, values, "mail", entry, "subject")),
        lines=texts.filled(language, values, "mail", entry, "lines" if message.code is None else "code_lines"),
        closing=texts.filled(language, values, "mail", "closing") if proof else [],
        link=message.link,
        code=message.code,
    )


def check_layouts(texts: Texts) -> None:
    """Raise ``ConfigurationError`` for a layout with an unknown placeholder or a single dollar sign."""
    for name in (TEXT, HTML):
        _check_layout(name, texts.layout(name))


def _check_layout(name: str, layout: Template) -> None:
    try:
        layout.substitute(dict.fromkeys(_PLACEHOLDERS, ""))
    except KeyError as error:
        allowed = ", ".join(f"${placeholder}" for placeholder in _PLACEHOLDERS)
        raise ConfigurationError(f"{name}: unknown placeholder ${error.args[0]}, allowed are {allowed}") from None
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error} (a dollar sign is written $$)") from None


def _values(message: TokenMessage, server_name: str) -> dict[str, str]:
    """Return the values that sentences may name, without control characters where users or clients wrote them."""
    return {
        "server": server_name,
        "account": without_controls(message.account or ""),
        "concerns": without_controls(message.concerns),
        "origin": without_controls(message.origin),
        "minutes": str(max(1, message.lifetime // 60_000)),
    }
