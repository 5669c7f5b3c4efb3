"""``next_link``: the page a browser goes to after a confirmation.

It is checked before it is stored, and never read from the URL of the link: otherwise anybody could make a link to this
server that redirects elsewhere (REQ-LINK-4, SEC-17). See
https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2validateemailsubmittoken.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..protocol.errors import InvalidParam

MAX_LENGTH = 2048
# Control characters, white space and quotes could end a header or an attribute; browsers read a backslash as a slash.
# A lone surrogate is no character, and has no form in UTF-8.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff<>\"]")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]")


def checked_next_link(link: str, hosts: Collection[str] | None) -> str:
    """Return the link in ASCII, as it is stored and redirected to.

    * ``link``: an absolute ``http`` or ``https`` URL of at most 2,048 characters, without user-info.
    * ``hosts``: the only places allowed, or ``None`` for any: ``host`` over https at its usual port, ``host:port``
      over https at that port, ``http://host[:port]`` over http, ``scheme:`` for links that open an app.

    Raises ``InvalidParam``.

    >>> checked_next_link("https://App.example.org/done?a=b", hosts={"app.example.org"})
    'https://app.example.org/done?a=b'
    """
    if (app := _app_of(link)) in (hosts or ()):
        return _app_link(link, app)
    parts = _split(link)
    host = _ascii_host(parts)
    if hosts is not None and _place(parts, host) not in hosts:
        raise InvalidParam("next_link: its host is not allowed by this server")
    port = "" if parts.port is None else f":{parts.port}"
    checked = urlunsplit((parts.scheme, host + port, *(_escaped(part) for part in parts[2:])))
    # Checked again, since percent-encoding makes the link longer.
    if len(checked) > MAX_LENGTH:
        raise _refused()
    return checked


def _place(parts: SplitResult, host: str) -> str:
    """Return scheme, host and port of a link as a list of allowed places names them."""
    usual = {"https": 443, "http": 80}[parts.scheme]
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{host}{port}" if parts.scheme == "https" else f"http://{host}{port}"


def with_sid(link: str, sid: str) -> str:
    """Return the link with ``sid`` appended at its very end, after any fragment (REQ-LINK-5).

    Web clients keep their route in the fragment and look for the ``sid`` there.

    >>> with_sid("https://app.example.org/#/done", "abc")
    'https://app.example.org/#/done?sid=abc'
    """
    return f"{link}{'&' if '?' in link else '?'}sid={sid}"


def host_of(link: str) -> str:
    """Return where a checked link leads, for the page that asks for confirmation: host and port, or an app's scheme."""
    return urlsplit(link).netloc if _is_web(link) else _app_of(link).rstrip(":")


def origin_of(link: str) -> str:
    """Return scheme, host and port of a checked link, or an app's scheme, for ``form-action`` (SEC-131)."""
    if not _is_web(link):
        return _app_of(link)
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}"


def _is_web(link: str) -> bool:
    return link.startswith(("https://", "http://"))


def _app_of(link: str) -> str:
    """Return the scheme of a link with its colon, as lists of allowed places name apps."""
    scheme, colon, _ = link.partition(":")
    return f"{scheme.lower()}{colon}"


def _app_link(link: str, app: str) -> str:
    """Return a link that opens an app, in ASCII. Raises ``InvalidParam``."""
    checked = app + _escaped(link[len(app) :])
    if max(len(link), len(checked)) > MAX_LENGTH or _FORBIDDEN.search(link) or checked == app:
        raise _refused()
    return checked


def _split(link: str) -> SplitResult:
    if len(link) > MAX_LENGTH or _FORBIDDEN.search(link):
        raise _refused()
    try:
        parts = urlsplit(link)
        parts.port  # noqa: B018  the property raises ValueError for a port that is no number
    except ValueError:
        raise _refused() from None
    # ``urlsplit`` accepts "https:example.org" and "https:///x", which browsers read as links to
    # the host "example.org" or "x".
    if not re.match(r"https?://[^/]", link, re.IGNORECASE) or "@" in parts.netloc:
        raise _refused()
    return parts


def _ascii_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        name = f"[{host}]" if ":" in host else _idna(host)
    except UnicodeError:
        raise _refused() from None
    if not _HOST.fullmatch(name) or ".." in name:
        raise _refused()
    return name


def _idna(host: str) -> str:
    import idna

    return host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")


def _escaped(part: str) -> str:
    """Percent-encode what is not ASCII, so that the link fits a header."""
    return "".join(char if char.isascii() else "".join(f"%{byte:02X}" for byte in char.encode()) for char in part)


def _refused() -> InvalidParam:
    return InvalidParam("next_link: must be an absolute http or https link without user-info or control characters")
