"""HTTP as a client app and a browser speak it, on the standard library: JSON calls, pages, and buttons."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import ProxyHandler, Request, build_opener

from attrs import frozen

_PATIENCE = 10.0
_opener = build_opener(ProxyHandler({}))


@frozen
class Answer:
    """An HTTP answer, after redirects."""

    status: int
    url: str
    body: bytes

    @property
    def title(self) -> str:
        """The title of a page."""
        return self.body.decode().partition("<title>")[2].partition("</title>")[0]

    def json(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.body)


def fetch(method: str, url: str, body: bytes | None = None, **headers: str) -> Answer:
    """Make a request; an error status is an answer as well."""
    request = Request(url, body, headers, method=method)  # noqa: S310  only http URLs of the demo
    try:
        with _opener.open(request, timeout=_PATIENCE) as response:
            return Answer(response.status, response.url, response.read())
    except HTTPError as error:
        with error:
            return Answer(error.code, url, error.read())


def press(page: Answer) -> Answer:
    """Press the button of the first form on a page."""
    form = _Form()
    form.feed(page.body.decode())
    fields = urlencode(form.fields).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return fetch("POST", urljoin(page.url, form.action), fields, **headers)


class _Form(HTMLParser):
    """The first form of a page: where it leads and what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if self._over:
            return
        if tag == "form":
            self.action = values["action"]
        elif tag == "input":
            self.fields[values["name"]] = values["value"]

    def handle_endtag(self, tag: str) -> None:
        self._over = self._over or tag == "form"
