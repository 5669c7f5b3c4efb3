"""The bytes of a mail: checked headers, a text part and an HTML part, with CRLF line ends only.

The format is that of https://www.rfc-editor.org/rfc/rfc5322 and, for the parts, of
https://www.rfc-editor.org/rfc/rfc2046#section-5.1.4. It is written here and not by the standard library's message
objects, which take 50 times as long and more (decision 40); ``tests/test_mime.py`` compares both.
"""

from __future__ import annotations

import base64 as b64
import secrets
from collections.abc import Iterable
from functools import lru_cache

from ...texts.plain import CONTROLS

# Without CRLF, https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1
_MAX_LINE = 998


def message(headers: Iterable[tuple[str, str]], subject: str, text: str, html: str) -> bytes:
    """Return a mail as ``multipart/alternative``, the text part first.

    * ``headers``: names and values, in order, without Subject and those of MIME. A value that is not ASCII is written
      in UTF-8 (https://www.rfc-editor.org/rfc/rfc6532), which needs SMTPUTF8.
    * ``subject``: the subject in Unicode; encoded if it is not ASCII.
    * ``text``, ``html``: the parts, with any line ends.

    Raises ``ValueError`` for a header with control characters; its text does not repeat the value (SEC-15, SEC-19).
    """
    # Random, so that no text can hold the boundary and end its part: not even one made by somebody who tries (SEC-15).
    boundary = secrets.token_hex(16)
    head = "".join(map(_header, headers))
    return (
        f"{head}Subject: {encoded(subject)}\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\n{_part('plain', text)}\r\n"
        f"--{boundary}\r\n{_part('html', html)}\r\n"
        f"--{boundary}--\r\n"
    ).encode()


# Cached because subjects repeat: a few for each language, while ``Header`` takes long to import and to encode.
@lru_cache(maxsize=256)
def encoded(words: str) -> str:
    """Return a text as a header may hold it, encoded (https://www.rfc-editor.org/rfc/rfc2047) and folded.

    Raises ``ValueError`` for control characters.

    >>> encoded("Bestätigen")
    '=?utf-8?q?Best=C3=A4tigen?='
    """
    from email.header import Header

    # A text that looks encoded is encoded once more, else readers would decode it.
    plain = _checked(words).isascii() and "=?" not in words
    return Header(words, "us-ascii" if plain else "utf-8", header_name="Subject").encode(linesep="\r\n")


def _header(header: tuple[str, str]) -> str:
    name, value = header
    return f"{name}: {_checked(value)}\r\n"


def _checked(value: str) -> str:
    if CONTROLS.search(value):
        raise ValueError("control characters in a header")
    return value


def _part(subtype: str, text: str) -> str:
    body = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    # 7bit where the bytes can go as they are: it is smaller, and people who look at the source can read it. 8bit would
    # need a server with 8BITMIME (https://www.rfc-editor.org/rfc/rfc6152).
    encoding = "base64"
    if body.isascii() and "\0" not in body and max(map(len, body.split("\r\n"))) <= _MAX_LINE:
        encoding = "7bit"
    content = body if encoding == "7bit" else _base64(body)
    return f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{content}"


def _base64(text: str) -> str:
    return b64.encodebytes(text.encode()).decode("ascii").replace("\n", "\r\n")
