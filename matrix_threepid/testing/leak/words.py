"""The texts in a dump that somebody would try as a secret, and whether a secret is in it."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Iterator
from hashlib import md5, sha1, sha256, sha512
from itertools import product

_RUN = re.compile(r"[0-9A-Za-z.=_+/~-]{4,}")
_PART = re.compile(r"[0-9A-Za-z_-]{4,}")
_HEX = re.compile(r"[\\x]?((?:[0-9A-Fa-f]{2}){4,})")
_LONGEST = 255
_HASHES = (md5, sha1, sha256, sha512)
_SEPARATORS = ("", ":", ".", "|", "\0")


def words_of(dump: str) -> list[str]:
    """Return every text of a dump that could be a token, a code, a client secret or an id.

    Texts in hexadecimal and in base64 are there as they are, and decoded.
    """
    found = {word for pattern in (_RUN, _PART) for word in pattern.findall(dump)}
    # A run may be a member of a query string, and its name is no part of the secret.
    found |= {part for word in found for part in word.split("=")}
    found |= {decoded for word in found for decoded in _decoded(word)}
    return sorted(word for word in found if 4 <= len(word) <= _LONGEST)


def _decoded(word: str) -> Iterator[str]:
    digits = _HEX.fullmatch(word)
    for text in (_from_base64(word), "" if digits is None else _text_of(bytes.fromhex(digits[1]))):
        yield from _RUN.findall(text)


def _from_base64(word: str) -> str:
    plain = word.replace("+", "-").replace("/", "_")
    try:
        return _text_of(urlsafe_b64decode(plain + "=" * (-len(plain) % 4)))
    except (Error, ValueError):
        return ""


def _text_of(raw: bytes) -> str:
    """Return bytes as the text that they are; empty if they are none."""
    text = raw.decode("ascii", "replace")
    return text if text.isascii() and text.isprintable() else ""


def holds(dump: str, secret: str) -> bool:
    """Return whether a secret is in a dump: as it is, in hexadecimal or in base64."""
    raw = secret.encode()
    # The digits of a code may be part of a time or a number.
    plain = re.search(rf"(?<![0-9A-Za-z]){secret}(?![0-9A-Za-z])", dump) if secret.isdecimal() else secret in dump
    return bool(plain) or any(each in dump for each in _written(raw)) or raw.hex().upper() in dump


def holds_hash(dump: str, secret: str, sid: str) -> bool:
    """Return whether a dump holds a hash of a secret that anybody can compute, with or without the session's id."""
    texts = {secret, *(joint.join(pair) for joint in _SEPARATORS for pair in ((sid, secret), (secret, sid)))}
    digests = [make(text.encode()).digest() for make, text in product(_HASHES, texts)]
    return any(each in dump for digest in digests for each in _written(digest))


def _written(raw: bytes) -> tuple[str, ...]:
    return raw.hex(), b64encode(raw).decode().rstrip("="), urlsafe_b64encode(raw).decode().rstrip("=")
