"""The rules of settings that no request and no choice has."""

from __future__ import annotations

from ipaddress import ip_network
from urllib.parse import urlsplit

from ..net.loopback import is_loopback
from ..protocol.languages import TAG
from ..protocol.rules import Free, Integer, Number, Text


def _is_provider(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def _is_range(value: str) -> bool:
    try:
        return bool(ip_network(value))
    except ValueError:
        return False


URL_WITH_QUERY = Text(r"https?://[^\s/?#]+[^\s#]*", "must be an http or https URL")
TEXT = Text(r"[^\x00-\x1f\x7f]{1,1024}", "must be a text of 1 to 1024 characters without control characters")
"""A text of 1 to 1024 characters without control characters."""
PROXY = Text(
    r"http://(?:[^\s/?#@]+@)?[^\s/?#@]+:[0-9]{1,5}/?", "must be http://host:port, or http://user:password@host:port"
)
"""An HTTP proxy."""
HEADERS = Free("must be an object of texts without control characters", TEXT)
RANGE = Text(r"[0-9A-Fa-f.:/]+", "must be an address range, such as 10.0.0.0/8", _is_range)
_MAILBOX = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+"
_NAMED = rf'[^<>"\\\x00-\x1f\x7f]*[^<>"\\\x00-\x20\x7f] +<{_MAILBOX}>'
ADDRESS = Text(f"{_MAILBOX}|{_NAMED}", "must be user@domain or Name <user@domain>")
PROVIDER = Text(
    r"https?://[^\s/?#]+[^\s?#]*", "must be an https URL, or an http URL on this very machine", _is_provider
)
SERVICE = Text(r"VA[0-9A-Za-z]{1,64}", "must be the SID of a Verify service, which begins with VA")
STATUS = Integer(400, 499)
ACCOUNT = Text(r"AC[0-9A-Za-z]{1,64}", "must be an account SID, which begins with AC")
CALLER = Text(
    r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|[0-9 &+_-]*[A-Za-z][A-Za-z0-9 &+_-]*",
    "must be a number such as +15005550006, a short code, or a name",
)
PORT, SECONDS, COUNT = Integer(1, 65535), Integer(1, 31_536_000), Integer(1, 1_000_000)
RATE = Number(0, 1_000_000)
LANGUAGE = Text(TAG.pattern, "must be a language tag, such as de or pt-BR")
"""The tag of a language, such as ``en``. Whether there are texts in it is checked when the role is made."""
