"""The pages behind links in mails: HTML without scripts, and the response headers that protect them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlencode

from ..protocol.wire import CORS, Response
from .catalogue import BUILT_IN, Texts, paragraphs

_STYLE = (BUILT_IN / "page.css").read_text("utf-8")
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode("ascii")
_HIDDEN = ("sid", "token", "client_secret")


class BuiltInPages:
    """``Pages`` made of a layout and a catalogue of sentences.

    * ``directory``: a folder with ``page.html`` and catalogues of its own; see ``Texts``. ``None`` for the built-in
      ones.
    * ``style``: the style sheet of every page. The headers of ``page_response`` allow this one and no other.
    """

    style: ClassVar[str] = _STYLE

    def __init__(self, directory: Path | str | None = None) -> None:
        self._texts = Texts(directory)

    def render(self, page: str, language: str, values: Mapping[str, str]) -> str:
        """Return the HTML document of a page. All values are escaped, those of hidden fields as well.

        * ``page``: its name in the catalogue, such as ``confirm`` or ``expired``.
        * ``language``: the tag of the language.
        * ``values``: what its sentences and form are filled with.
        """
        sentences = [
            *self._texts.filled(language, values, "page", page, values.get("purpose", "")),
            *self._texts.filled(language, values, "page", page, "lines"),
        ]
        return self._texts.layout("page.html").substitute(
            language=escape(language),
            title=escape(self._text(language, page, "title")),
            style=_STYLE,
            paragraphs=paragraphs(sentences),
            form=self._form(page, language, values) if page in ("confirm", "refuse") else "",
        )

    def _form(self, page: str, language: str, values: Mapping[str, str]) -> str:
        """Return a form with one button. The ``confirm`` page also has a link to the page that refuses."""
        fields = {name: values[name] for name in _HIDDEN if values.get(name)}
        answer = {"answer": "refuse"}
        hidden = fields | answer if page == "refuse" else fields
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in hidden.items()
        )
        button = escape(self._text(language, page, "button"))
        form = f'<form method="post" action="submit_token">{inputs}<button type="submit">{button}</button></form>'
        if page == "refuse":
            return form
        way_out = escape(f"submit_token?{urlencode(fields | answer)}")
        return f'{form}\n<p><a href="{way_out}">{escape(self._text(language, page, "refuse"))}</a></p>'

    def _text(self, language: str, page: str, key: str) -> str:
        return " ".join(self._texts.sentences(language, "page", page, key))


def page_response(
    status: int, document: str, *, form_target: str | None = None, location: str | None = None
) -> Response:
    """Return a response with a page that must not be cached or framed and does not leak its URL to other sites.

    * ``status``: the HTTP status.
    * ``document``: the HTML.
    * ``form_target``: an origin besides this one to which the form may lead; browsers check redirects of a form as
      well.
    * ``location``: the URL of a redirect.
    """
    moved = () if location is None else (("Location", location),)
    return Response(status, (*_HEADERS, _policy(form_target), *moved), document.encode())


def _policy(form_target: str | None) -> tuple[str, str]:
    target = "" if form_target is None else f" {form_target}"
    rules = (
        "default-src 'none'",
        f"style-src 'sha256-{_STYLE_HASH}'",
        "img-src 'self'",
        f"form-action 'self'{target}",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return "Content-Security-Policy", "; ".join(rules)


_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Pragma", "no-cache"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("X-Robots-Tag", "noindex"),
    *CORS,
)
