"""What a mail says: sentences out of a catalogue, put into the layouts ``mail.txt`` and ``mail.html``."""

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
    """The sentences of one mail, in its language; not escaped."""

    language: str
    subject: str
    lines: list[str]
    closing: list[str]
    link: str | None = field(repr=redacted)
    code: str | None = field(repr=redacted)

    def text(self, texts: Texts) -> str:
        """Return the text part; link or code stand alone on their line."""
        filled = texts.layout(TEXT).substitute(
            language=self.language,
            subject=self.subject,
            lines="\n".join(self.lines),
            token=self.link or self.code or "",
            closing="\n".join(self.closing),
        )
        return filled.rstrip() + "\n"

    def html(self, texts: Texts) -> str:
        """Return the HTML part; every value is escaped, whatever the layout does."""
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


def words_for(texts: Texts, told: TokenMessage, server_name: str) -> Words:
    """Return what a message says, in the language it asks for or in English."""
    language = told.language if _LANGUAGE.fullmatch(told.language) else "en"
    values = _values(told, server_name)
    proof = told.kind is MessageKind.TOKEN
    entry = told.purpose.value if proof else told.kind.value
    return Words(
        language=language,
        subject=" ".join(texts.filled(language, values, "mail", entry, "subject")),
        lines=texts.filled(language, values, "mail", entry, "lines" if told.code is None else "code_lines"),
        closing=texts.filled(language, values, "mail", "closing") if proof else [],
        link=told.link,
        code=told.code,
    )


def check_layouts(texts: Texts) -> None:
    """Raise ``ConfigurationError`` for a layout with a placeholder nobody fills."""
    for name in (TEXT, HTML):
        _check_layout(name, texts.layout(name))


def _check_layout(name: str, layout: Template) -> None:
    try:
        layout.substitute(dict.fromkeys(_PLACEHOLDERS, ""))
    except KeyError as error:
        raise ConfigurationError(f"{name}: nothing fills the placeholder ${error.args[0]}") from None
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error} (a dollar sign is written $$)") from None


def _values(told: TokenMessage, server_name: str) -> dict[str, str]:
    """Return what sentences may name; whatever others wrote has lost its control characters."""
    return {
        "server": server_name,
        "account": without_controls(told.account or ""),
        "concerns": without_controls(told.concerns),
        "origin": without_controls(told.origin),
        "minutes": str(max(1, told.lifetime // 60_000)),
    }
