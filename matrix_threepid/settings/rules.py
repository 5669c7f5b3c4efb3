"""What settings may be: each rule has the words that whoever breaks it is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..net.loopback import is_loopback
from ..texts.catalogue import BUILT_IN
from .reading import Rule

OBJECT = Rule("must be an object", lambda value: isinstance(value, dict))
FLAG = Rule("must be true or false", lambda value: type(value) is bool)
RATE = Rule(
    "must be a number above 0 and up to 1000000", lambda value: type(value) in (int, float) and 0 < value <= 1e6
)


def whole(low: int, high: int) -> Rule:
    """Return the rule for a whole number from ``low`` to ``high``."""
    words = f"must be a whole number from {low} to {high}"
    return Rule(words, lambda value: type(value) is int and low <= value <= high)


def matching(pattern: str, words: str) -> Rule:
    """Return the rule for a text that matches ``pattern`` from start to end."""
    return Rule(words, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


def one_of(*values: str) -> Rule:
    """Return the rule for one text out of a list."""
    return Rule(f"must be one of: {', '.join(values)}", lambda value: isinstance(value, str) and value in values)


def read_by(reader: Callable[[str], object], words: str) -> Rule:
    """Return the rule for a text that ``reader`` takes without a ``ValueError``."""

    def holds(value: Any) -> bool:
        try:
            return isinstance(value, str) and reader(value) is not None
        except ValueError:
            return False

    return Rule(words, holds)


def many(rule: Rule) -> Rule:
    """Return the rule for a list of values under a rule."""
    words = f"must be a list, and each entry {rule.words}"
    return Rule(words, lambda value: isinstance(value, list) and all(map(rule.holds, value)))


def _is_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) and TEXT.holds(value[name]) for name in value)


URL_WITH_QUERY = matching(r"https?://[^\s/?#]+[^\s#]*", "must be an http or https URL")
URL = matching(r"https?://[^\s/?#]+[^\s?#]*", "must be an http or https URL")


def _is_provider(value: Any) -> bool:
    parts = urlsplit(value) if isinstance(value, str) and URL.holds(value) else None
    return parts is not None and (parts.scheme == "https" or is_loopback(parts.hostname or ""))


TEXT = matching(r"[^\x00-\x1f\x7f]{1,1024}", "must be a text of 1 to 1024 characters without control characters")
HEADERS = Rule("must be an object of texts without control characters", _is_headers)
HOST_PATTERN = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
HOST = matching(rf"{HOST_PATTERN}|[0-9A-Fa-f:.]+", "must be a host name or an IP address")
_MAILBOX = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+"
_NAMED = rf'[^<>"\\\x00-\x1f\x7f]*[^<>"\\\x00-\x20\x7f] +<{_MAILBOX}>'
ADDRESS = matching(f"{_MAILBOX}|{_NAMED}", "must be user@domain or Name <user@domain>")
PROVIDER = Rule("must be an https URL, or an http URL on this very machine", _is_provider)
ACCOUNT = matching(r"AC[0-9A-Za-z]{1,64}", "must be an account SID, which begins with AC")
CALLER = matching(
    r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|[0-9 &+_-]*[A-Za-z][A-Za-z0-9 &+_-]*",
    "must be a number such as +15005550006, a short code, or a name",
)
PORT, SECONDS = whole(1, 65535), whole(1, 31_536_000)
LANGUAGE = one_of(*sorted(path.stem for path in BUILT_IN.glob("*.json")))
COUNTRY = matching(r"[A-Z]{2}", "must be two capital letters of ISO 3166-1")
COUNT = whole(1, 1_000_000)
