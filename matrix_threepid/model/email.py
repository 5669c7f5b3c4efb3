"""E-mail addresses: one parser, one canonical form (MSC2265, decided per part), one delivery spelling.

The local part is case-folded, the domain lower-cased and kept apart: under IDNA ``straße.de`` and
``strasse.de`` are two domains. Whatever two mail systems could read in two ways is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol
from unicodedata import normalize

from attrs import frozen

from ..protocol.errors import InvalidParam
from ..protocol.members import typed
from .threepid import Candidate, Medium, Threepid

MAX_OCTETS = 254
_MAX_TYPED = 512


class _Domains(Protocol):
    @property
    def intranet_domains(self) -> Collection[str]: ...


@frozen(kw_only=True, slots=False)
class EmailMembers:
    """The member of a request that names a mail address."""

    email: str = typed(512, doc="an address of the form user@domain")

    def candidate(self, policy: _Domains) -> Candidate:
        """Return the address meant. Raises ``InvalidParam``."""
        return canonical_email(self.email, intranet_domains=policy.intranet_domains)


def canonical_email(typed: str, *, intranet_domains: Collection[str] = ()) -> Candidate:
    """Return the identifier and the delivery spelling of an address as typed.

    ``intranet_domains``: domains taken although no public mail system has them.
    Raises ``InvalidParam``; the address is not repeated in it.
    """
    from email_validator import EmailNotValidError, validate_email

    address = _trimmed(typed)
    public = address.rpartition("@")[2].lower() not in intranet_domains
    try:
        parsed = validate_email(
            address, check_deliverability=False, globally_deliverable=public, test_environment=not public
        )
        return _candidate(parsed.local_part, parsed.domain, parsed.ascii_domain)
    except (EmailNotValidError, UnicodeError):
        raise _refused() from None


def read_email(address: str, policy: _Domains) -> Threepid:
    """Return the identifier of an address written in full. Raises ``InvalidParam``."""
    return canonical_email(address, intranet_domains=policy.intranet_domains).threepid


def _trimmed(typed: str) -> str:
    """Strip outer white space, and check the length before any parser works on it."""
    address = typed.strip()
    if len(address) > _MAX_TYPED:
        raise _refused()
    return address


def _candidate(local: str, domain: str, ascii_domain: str) -> Candidate:
    folded = normalize("NFC", normalize("NFC", local).casefold())
    address = f"{folded}@{domain.lower()}"
    if max(len(address.encode()), len(ascii_domain) + len(folded.encode()) + 1) > MAX_OCTETS:
        raise _refused()
    return Candidate(Threepid(Medium.EMAIL, address), f"{local}@{ascii_domain.lower()}")


def _refused() -> InvalidParam:
    return InvalidParam("email: must be an address of the form user@domain")
