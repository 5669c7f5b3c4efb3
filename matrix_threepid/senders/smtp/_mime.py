"""The bytes of a mail (RFC 5322, RFC 2046): checked headers, a text part and an HTML part, CRLF line ends only.

Written out by hand because the standard library's message objects cost a millisecond a mail.
"""

from __future__ import annotations

import base64 as b64
import re
import secrets
from collections.abc import Iterable
from functools import lru_cache

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_MAX_LINE = 998


def message(headers: Iterable[tuple[str, str]], subject: str, text: str, html: str) -> bytes:
    """Return a mail with two alternatives. A header that is not ASCII goes out as UTF-8 (RFC 6532).

    Raises ``ValueError`` for a header value with control characters; the value is not repeated in it.
    """
    boundary = secrets.token_hex(16)
    head = "".join(map(_header, headers))
    return (
        f"{head}Subject: {encoded(subject)}\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\n{_part('plain', text)}\r\n"
        f"--{boundary}\r\n{_part('html', html)}\r\n"
        f"--{boundary}--\r\n"
    ).encode()


@lru_cache(maxsize=256)
def encoded(words: str) -> str:
    """Return words as a header may carry them (RFC 2047), folded. Raises ``ValueError`` for control characters."""
    from email.header import Header

    plain = _checked(words).isascii() and "=?" not in words
    return Header(words, "us-ascii" if plain else "utf-8", header_name="Subject").encode(linesep="\r\n")


def without_controls(value: str) -> str:
    """Return a value without characters that end lines, turn text around or break encodings."""
    return _CONTROLS.sub(" ", value)


def _header(header: tuple[str, str]) -> str:
    name, value = header
    return f"{name}: {_checked(value)}\r\n"


def _checked(value: str) -> str:
    if _CONTROLS.search(value):
        raise ValueError("control characters in a header")
    return value


def _part(subtype: str, text: str) -> str:
    body = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    encoding = "base64"
    if body.isascii() and "\0" not in body and max(map(len, body.split("\r\n"))) <= _MAX_LINE:
        encoding = "7bit"
    content = body if encoding == "7bit" else _base64(body)
    return f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{content}"


def _base64(text: str) -> str:
    return b64.encodebytes(text.encode()).decode("ascii").replace("\n", "\r\n")
