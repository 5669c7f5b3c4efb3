"""Addresses for tests: nothing is sent to them, and their code is fixed, so that a client can be tried without a phone.

Only addresses that belong to nobody: numbers that regulators publish for films and books, and domains that are reserved
(https://www.rfc-editor.org/rfc/rfc2606). What they prove is worth nothing, so they never reset a password (SEC-164).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone

from attrs import frozen

from ..model.threepid import Medium, Purpose, Threepid, masked
from ..protocol.errors import ConfigurationError
from ..protocol.members import Choices, Nested, choice, documented
from ..protocol.rules import ListOf, Text

MOST, DAYS = 10, 90
"""The most addresses for tests, and the days that their end may be ahead."""
PURPOSES = (Purpose.ADD, Purpose.REGISTER)
"""What they can be used for."""
FICTITIOUS: Mapping[str, str] = {
    # https://www.ofcom.org.uk/phones-and-broadband/phone-numbers/numbers-for-drama
    "GB": r"447700900[0-9]{3}|441632960[0-9]{3}",
    # https://www.nanpa.com/numbering/555-line-numbers
    "US and CA": r"1[2-9][0-9]{2}55501[0-9]{2}",
    # https://www.arcep.fr/uploads/tx_gsavis/18-0881.pdf
    "FR": r"3363998[0-9]{4}",
    # https://www.bundesnetzagentur.de/DE/Fachthemen/Telekommunikation/Nummerierung/Rufnummern/start.html
    "DE": r"4917139200[0-9]{2}|49176040690[0-9]{2}",
    # https://www.pts.se/en/industry-areas/telephony/telephone-numbers-for-use-in-books-and-films-etc/
    "SE": r"467017406(?:0[5-9]|[1-9][0-9])",
}
"""The numbers that belong to nobody, by country."""
_RESERVED = re.compile(r"(?:.+\.)?example\.(?:com|net|org)|(?:.+\.)?(?:example|test|invalid)")
_NUMBERS = re.compile("|".join(FICTITIOUS.values()))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _belongs_to_nobody(address: str) -> bool:
    local, at, domain = address.rpartition("@")
    return bool(_RESERVED.fullmatch(domain) and local) if at else _NUMBERS.fullmatch(address) is not None


@documented
@frozen(kw_only=True)
class AddressForTests(Choices):
    """An address to which nothing is sent, with a code that does not change.

    >>> AddressForTests(address="447700900001", code="424242", until="2027-01-31").threepid.medium.value
    'msisdn'
    """

    AT = "policy.test_addresses"

    address: str = choice(
        Text(
            r"[0-9]{7,15}|[a-z0-9._+-]{1,64}@[a-z0-9.-]{1,253}",
            "must be the digits of a number that a regulator publishes as fictitious, or a mail address in small "
            "letters of a reserved domain, such as example.org",
            _belongs_to_nobody,
        ),
        "",
        doc="a fictitious number in digits, or a mail address of a reserved domain",
    )
    code: str = choice(Text(r"[0-9]{6,10}", "must be 6 to 10 digits"), "", doc="its code")
    until: str = choice(
        Text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "must be a date, such as 2027-01-31", _is_date),
        "",
        doc=f"the last day (UTC) on which it is one, at most {DAYS} days ahead",
    )

    def __repr__(self) -> str:
        return f"AddressForTests({masked(self.address)}, until={self.until})"

    @property
    def threepid(self) -> Threepid:
        """The identifier."""
        return Threepid(Medium.EMAIL if "@" in self.address else Medium.MSISDN, self.address)

    @property
    def ends_at(self) -> int:
        """The time in ms at which the last day ends."""
        day = datetime.fromisoformat(self.until).replace(tzinfo=timezone.utc) + timedelta(days=1)
        return int(day.timestamp() * 1000)


ADDRESSES = ListOf(Nested(AddressForTests))


def found_at(addresses: Sequence[AddressForTests], threepid: Threepid, now: int) -> AddressForTests | None:
    """Return the address for tests that an identifier is at the time ``now`` (ms); ``None`` if it is none."""
    return next((each for each in addresses if each.threepid == threepid and now < each.ends_at), None)


def check_addresses(addresses: Sequence[AddressForTests]) -> None:
    """Raise ``ConfigurationError`` for too many addresses, or one twice."""
    if len(addresses) > MOST:
        raise ConfigurationError(f"policy.test_addresses: must be at most {MOST}")
    if len({each.address for each in addresses}) < len(addresses):
        raise ConfigurationError("policy.test_addresses: one address is there twice")


def check_ends(addresses: Sequence[AddressForTests], now: int) -> None:
    """Raise ``ConfigurationError`` for an address whose end is too far ahead at the time ``now`` (ms)."""
    for each in addresses:
        if each.ends_at > now + (DAYS + 1) * 86_400_000:
            raise ConfigurationError(f"policy.test_addresses: until must be at most {DAYS} days ahead")


def refuse_hardened(choices: Mapping[str, object]) -> None:
    """Raise ``ConfigurationError`` for addresses for tests among the choices of a hardened policy."""
    if choices.get("test_addresses"):
        raise ConfigurationError("policy.test_addresses: a hardened policy has none")
