"""E-mail addresses: their grammar, their canonical form and the spelling that mail is sent to.

The canonical form case-folds the local part and lower-cases the domain. The domain is not case-folded, since
``straße.de`` and ``strasse.de`` are two domains (REQ-EMAIL-5, decision 15). Addresses that two mail systems could read
differently are refused (REQ-EMAIL-3). See MSC2265, https://github.com/matrix-org/matrix-spec-proposals/pull/2265,
https://spec.matrix.org/latest/appendices/#e-mail and https://www.rfc-editor.org/rfc/rfc5321.
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
"""The longest address in bytes: the 256 of a path (RFC 5321, section 4.5.3.1.3) without its angle brackets."""
_MAX_TYPED = 512


class _Domains(Protocol):
    @property
    def intranet_domains(self) -> Collection[str]: ...


@frozen(kw_only=True, slots=False)
class EmailMembers:
    """The member of a request that names an e-mail address.

    * ``email``: the address as typed, up to 512 characters.
    """

    email: str = typed(512, doc="an address of the form user@domain")

    def candidate(self, policy: _Domains) -> Candidate:
        """Return the address that ``email`` names. Raises ``InvalidParam``."""
        return canonical_email(self.email, intranet_domains=policy.intranet_domains)


def canonical_email(typed: str, *, intranet_domains: Collection[str] = ()) -> Candidate:
    """Return the canonical address and the delivery spelling of an address as typed.

    * ``typed``: the address; white space around it is removed.
    * ``intranet_domains``: domains that are accepted although they have no dot or are reserved. Default none.

    Raises ``InvalidParam``, whose message does not repeat the address.

    >>> canonical_email(" Bob@Example.ORG ").threepid.address
    'bob@example.org'
    """
    # Imported here because the package takes noticeable time to load and hosts for phone numbers only never need it.
    from email_validator import EmailNotValidError, validate_email

    address = _trimmed(typed)
    public = address.rpartition("@")[2].lower() not in intranet_domains
    try:
        # No DNS look-up: it would block the event loop, and an outage of the resolver would refuse valid addresses.
        parsed = validate_email(
            address, check_deliverability=False, globally_deliverable=public, test_environment=not public
        )
        return _candidate(parsed.local_part, parsed.domain, parsed.ascii_domain)
    except (EmailNotValidError, UnicodeError):
        raise _refused() from None


def read_email(address: str, policy: _Domains) -> Threepid:
    """Return the identifier of an e-mail address. Raises ``InvalidParam``."""
    return canonical_email(address, intranet_domains=policy.intranet_domains).threepid


def _trimmed(typed: str) -> str:
    """Return the address without white space around it. Raises ``InvalidParam`` if it is too long to be parsed."""
    address = typed.strip()
    if len(address) > _MAX_TYPED:
        raise _refused()
    return address


def _candidate(local: str, domain: str, ascii_domain: str) -> Candidate:
    # NFC before folding, since a letter can be written composed or decomposed; and after it, since folding may
    # decompose letters (REQ-EMAIL-7).
    folded = normalize("NFC", normalize("NFC", local).casefold())
    address = f"{folded}@{domain.lower()}"
    # Both written forms of the domain must fit, since mail goes to its ASCII form and the store keeps the other one.
    if max(len(address.encode()), len(ascii_domain) + len(folded.encode()) + 1) > MAX_OCTETS:
        raise _refused()
    return Candidate(Threepid(Medium.EMAIL, address), f"{local}@{ascii_domain.lower()}")


def _refused() -> InvalidParam:
    return InvalidParam("email: must be an address of the form user@domain")
