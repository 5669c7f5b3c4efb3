"""The pages behind links in mails: HTML without scripts, and the response headers that protect them."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlencode, urlsplit

from ..model.threepid import Purpose
from ..protocol.wire import CORS, Response
from . import page_wording, wording
from .catalogue import HERE, Catalogue, Texts
from .mails import details, duration, in_full

_STYLE = (HERE / "templates" / "page.css").read_text("utf-8")
_HIDDEN = ("sid", "token", "client_secret")
_IN_HTML = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_BUTTONS = {
    "confirm": page_wording.YES,
    "refuse": page_wording.STOP,
    "undo": wording.UNDO,
    "undo_mine": page_wording.YES,
    "invited": page_wording.NO_MORE_INVITATIONS,
    "expired": page_wording.NEW_MAIL,
    "already": page_wording.NEW_MAIL,
}
_AGAIN = ("expired", "already")
"""The pages that have a button only where a new mail can be sent."""
_ANSWERS = {"refuse": "refuse", "undo_mine": "mine", **dict.fromkeys(_AGAIN, "again")}
_OTHER_WAY = {"confirm": ("refuse", page_wording.NO), "undo": ("mine", page_wording.YES)}
_CIRCUMSTANCES = ("confirm", "refuse", "undo", "undo_mine")
_WITH_NEXT = ("confirm", "already", "confirmed")
PAGES = ("confirm", *page_wording.PAGE_TITLES)
"""The names of all pages."""


class BuiltInPages:
    """``Pages`` made of a layout and catalogues of sentences.

    * ``directory``: a folder with ``page.html``, ``page.css`` and catalogues of its own, or ``Texts``; ``None`` for
      the built-in ones.
    * ``style``: the built-in style sheet.
    """

    style: ClassVar[str] = _STYLE

    def __init__(self, directory: Path | str | Texts | None = None) -> None:
        self.texts = directory if isinstance(directory, Texts) else Texts(directory)
        self._styles: tuple[str, ...] | None = None

    @property
    def styles(self) -> tuple[str, ...]:
        """The style sheets that its pages may have; the headers allow these and no other (SEC-131)."""
        if self._styles is None:
            # Of a page that shows nothing, so that no value can bring a style sheet of its own.
            document = self.render("failed", "en", {"server": "example.org"})
            self._styles = tuple(_IN_HTML.findall(document))
        return self._styles

    def render(self, page: str, language: str, values: Mapping[str, str]) -> str:
        """Return the HTML document of a page. All values are escaped, those of hidden fields as well.

        * ``page``: its name, such as ``confirm`` or ``expired``.
        * ``language``: the tag of the language.
        * ``values``: what its sentences and form are filled with.

        Raises ``CannotRender``.
        """
        catalogue = self.texts.catalogue(language)
        purpose = values.get("purpose", "") if values.get("purpose") in page_wording.NEXT else ""
        if values.get("wait"):
            values = {**values, "wait": duration(catalogue, in_full(int(values["wait"])))}
        return self.texts.layouts.render(
            "page.html",
            {
                "page": page,
                "language": catalogue.tag,
                "direction": catalogue.direction,
                "style": self.texts.layouts.style,
                "server": values.get("server", ""),
                "brand": values.get("brand") or values.get("server", ""),
                "logo": values.get("logo", ""),
                "help": catalogue.text(wording.HELP),
                "support": values.get("support", ""),
                "support_link": values.get("support_link", ""),
                "title": catalogue.text(_title(page, purpose)),
                "lines": catalogue.fill_all(_lines(page, purpose, values), values),
                "details": details(catalogue, dict(values)) if page in _CIRCUMSTANCES else [],
                # What follows the button stands below it, else people go on before they have pressed it.
                "next": catalogue.fill_all(() if page == "confirm" else _next(page, purpose, values), values),
                "afterwards": catalogue.fill_all(_next(page, purpose, values) if page == "confirm" else (), values),
                **_form(catalogue, page, values),
            },
        )


def _title(page: str, purpose: str) -> str:
    if page == "confirm":
        return wording.TITLES[purpose or Purpose.BIND.value]
    return page_wording.PAGE_TITLES[page]


def _lines(page: str, purpose: str, values: Mapping[str, str]) -> Iterable[str]:
    came_back = (page_wording.CAME_BACK,) if values.get("came_back") else ()
    if page == "confirm":
        leads_on = (page_wording.NEXT_HOST,) if values.get("host") else ()
        return *came_back, wording.LEADS[purpose or Purpose.BIND.value], page_wording.ONLY_YOU, *leads_on
    if page == "refuse":
        return *((wording.LEADS[purpose],) if purpose else ()), *page_wording.PAGE_LINES[page]
    if page == "undo" and not values.get("secures"):
        return [line for line in page_wording.PAGE_LINES[page] if line != page_wording.SECURES]
    if page == "already" and values.get("used"):
        return page_wording.USED, *_what_to_do(values), *came_back
    if page == "expired":
        return page_wording.LIMITED, *_what_to_do(values), *came_back
    return page_wording.PAGE_LINES.get(page, ())


def _what_to_do(values: Mapping[str, str]) -> tuple[str, ...]:
    if values.get("again"):
        return (page_wording.STILL_OPEN,)
    return () if values.get("used") == "served" else (page_wording.AGAIN,)


def _next(page: str, purpose: str, values: Mapping[str, str]) -> Iterable[str]:
    if page not in _WITH_NEXT or values.get("used") or (page == "confirm" and values.get("host")):
        return ()
    return (page_wording.NEXT[purpose or Purpose.BIND.value],)


def _form(catalogue: Catalogue, page: str, values: Mapping[str, str]) -> dict[str, object]:
    """Return what makes a form with one button. The ``confirm`` page also has a link to the page that refuses."""
    if page not in _BUTTONS or (page in _AGAIN and not values.get("again")):
        return {"button": "", "fields": [], "refuse": "", "refuse_link": ""}
    fields = {name: values[name] for name in _HIDDEN if values.get(name)}
    answer = {"answer": _ANSWERS[page]} if page in _ANSWERS else {}
    other, label = _OTHER_WAY.get(page, ("", ""))
    refuse = bool(other) and (page != "undo" or bool(values.get("confirms")))
    return {
        "button": catalogue.text(_BUTTONS[page]),
        "fields": list((fields | answer).items()),
        "refuse": catalogue.text(label) if refuse else "",
        "refuse_link": f"submit_token?{urlencode(fields | {'answer': other})}" if refuse else "",
    }


def page_response(
    status: int,
    document: str,
    *,
    form_targets: Iterable[str] = (),
    location: str | None = None,
    styles: Iterable[str] = (_STYLE,),
    images: Iterable[str] = (),
) -> Response:
    """Return a response with a page that must not be cached or framed and does not leak its URL to other sites.

    * ``status``: the HTTP status.
    * ``document``: the HTML.
    * ``form_targets``: sources besides this one to which the form may lead, such as ``https:``; browsers check every
      redirect that follows a form as well. Default none.
    * ``location``: the URL of a redirect.
    * ``styles``: the style sheets in the document; default the built-in one.
    * ``images``: the URLs of its images besides those of this server; default none.
    """
    moved = () if location is None else (("Location", location),)
    return Response(status, (*_HEADERS, _policy(form_targets, styles, images), *moved), document.encode())


def _policy(form_targets: Iterable[str], styles: Iterable[str], images: Iterable[str]) -> tuple[str, str]:
    hashes = [f"'sha256-{b64encode(sha256(style.encode()).digest()).decode('ascii')}'" for style in styles]
    rules = (
        "default-src 'none'",
        f"style-src {' '.join(hashes) or _NONE}",
        f"img-src {' '.join(dict.fromkeys((_SELF, *map(_source, images))))}",
        f"form-action {' '.join((_SELF, *form_targets))}",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return "Content-Security-Policy", "; ".join(rules)


def _source(url: str) -> str:
    """Return what a policy calls the place that an image comes from."""
    parts = urlsplit(url)
    return "data:" if parts.scheme == "data" else f"{parts.scheme}://{parts.netloc}"


_SELF, _NONE = "'self'", "'none'"
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
