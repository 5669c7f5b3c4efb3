"""HTTP as clients and browsers use it, on the standard library: JSON calls, pages and buttons."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from attrs import frozen

PATIENCE = 10.0
"""Time, in s, that an answer or a message may take."""


class Failed(Exception):
    """Raised for what does not go as expected. The text says what, without secrets."""


@frozen
class Answer:
    """An HTTP answer.

    * ``url``: where it came from, after redirects.
    * ``location``: where a redirect leads.
    """

    status: int
    url: str
    body: bytes
    location: str | None = None

    @property
    def title(self) -> str:
        """The title of a page."""
        return self.body.decode().partition("<title>")[2].partition("</title>")[0]

    def json(self) -> Any:
        """Return the body read as JSON. Raises ``Failed``."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Failed(f"the answer with status {self.status} is no JSON") from None

    def member(self, name: str, kind: type = str) -> Any:
        """Return a member of the JSON object. Raises ``Failed`` if it is missing or not of that type."""
        value = self._object().get(name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise Failed(f"the answer with status {self.status} has no {name} of type {kind.__name__}")
        return value

    @property
    def errcode(self) -> str | None:
        """The error code, if there is one."""
        return self._object().get("errcode")

    @property
    def told(self) -> str:
        """Status and errcode, or the flows of user-interactive authentication, and nothing else of the body."""
        flows = self._object().get("flows")
        about = self.errcode or (f"flows {[flow.get('stages') for flow in flows]}" if flows else None)
        return f"{self.status}: {about}" if about else f"{self.status}"

    def _object(self) -> dict[str, Any]:
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _opener(*handlers: Any) -> OpenerDirector:
    return build_opener(ProxyHandler({}), *handlers)


_FOLLOWING, _STAYING = _opener(), _opener(_Stay)


def fetch(method: str, url: str, body: bytes | None = None, *, follow: bool = True, **headers: str) -> Answer:
    """Make a request. An error status is returned as well. Raises ``Failed`` without an answer."""
    request = Request(url, body, headers, method=method)  # noqa: S310  the user names the server
    try:
        with (_FOLLOWING if follow else _STAYING).open(request, timeout=PATIENCE) as response:
            return Answer(response.status, response.url, response.read())
    except HTTPError as error:
        with error:
            return Answer(error.code, url, error.read(), error.headers.get("Location"))
    except (OSError, HTTPException) as error:
        raise Failed(f"{method} {urlsplit(url).path}: no answer ({type(error).__name__})") from None


def press(page: Answer, *, follow: bool = True) -> Answer:
    """Press the button of the first form on a page. Raises ``Failed`` if there is none."""
    form = _Form()
    form.feed(page.body.decode())
    if form.action is None:
        raise Failed(f"the page at {urlsplit(page.url).path} has no button")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = urljoin(page.url, form.action)
    return fetch("POST", url, urlencode(form.fields).encode(), follow=follow, **headers)


def has_button(page: Answer) -> bool:
    """Return whether a page has a form."""
    return b"<form" in page.body.lower()


class _Form(HTMLParser):
    """The first form of a page: its target and its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if self._over:
            return
        if tag == "form":
            self.action = values.get("action", "")
        elif tag == "input" and self.action is not None and "name" in values:
            self.fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._over = self._over or tag == "form"
