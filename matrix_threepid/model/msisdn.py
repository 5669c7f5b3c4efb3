"""Phone numbers: the digits of E.164, read from a number as a person in a country dials it.

See https://spec.matrix.org/latest/appendices/#pstn-phone-numbers and decision 16.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from attrs import frozen

from ..protocol.errors import ConfigurationError, InvalidParam
from ..protocol.members import member, typed
from ..protocol.rules import Text
from .threepid import Candidate, Medium, Threepid
from .written_number import as_written

NUMBER_KINDS = ("premium_rate", "shared_cost", "personal_number", "uan", "pager", "voicemail")
"""The kinds of numbers that cost the sender extra, or at which no person reads SMS."""
# Four digits after the country code tell rented blocks of numbers apart, which toll fraud uses (SEC-33).
_PREFIX_DIGITS = 4
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_COUNTRY_MEMBER = Text(r"[\s\S]{0,64}", "must be two letters of ISO 3166-1")
_DIGITS = re.compile(r"[0-9]+")
# No letters: some parsers read them as keypad digits. No extensions (REQ-MSISDN-4).
_DIALLED = re.compile(r"\+?[0-9 \-.()/\[\]]+")
_SEPARATORS = str.maketrans("", "", " -.()/[]")


@frozen
class Plan:
    """The place of a number in the numbering plan.

    * ``region``: two letters of ISO 3166-1; ``001`` for numbers of no country.
    * ``kind``: one of ``NUMBER_KINDS``; ``None`` for every other kind.
    * ``prefix``: the country code and the next four digits, which the numbers of a rented block have in common.
    """

    region: str
    kind: str | None
    prefix: str


@frozen(kw_only=True, slots=False)
class PhoneMembers:
    """The members of a request that name a phone number.

    * ``country``: two letters of ISO 3166-1, in any case; may be empty if the number is international.
    * ``phone_number``: the number as dialled from that country, or in international form; up to 128 characters.
    """

    country: str = member(_COUNTRY_MEMBER, doc="two letters of ISO 3166-1; empty for an international number")
    phone_number: str = typed(128, doc="as dialled from that country, or international")

    def candidate(self, policy: object) -> Candidate:
        """Return the number that the members name. Raises ``InvalidParam``."""
        return canonical_msisdn(self.country, self.phone_number)


def _library() -> Any:
    """Return the module ``phonenumbers``. Raises ``InvalidParam`` if it is not installed.

    It is an extra because it weighs 48 MB, and it is imported when the first number is read.
    """
    try:
        import phonenumbers
    except ImportError:
        # A role with a sender for numbers refuses to start without the package. What gets here is a log-in by number
        # on a server that has no numbers.
        raise InvalidParam("phone_number: is not supported by this server") from None
    return phonenumbers


def canonical_msisdn(country: str, dialled: str) -> Candidate:
    """Return the identifier of a phone number.

    * ``country``: two letters of ISO 3166-1, in any case.
    * ``dialled``: the number as dialled in that country, or in international form with ``+``.

    The number must be possible and need not be in service, since numbering plans change faster than the data of the
    package (REQ-MSISDN-3). Raises ``InvalidParam``.

    >>> canonical_msisdn("GB", "07700 900001").threepid.address
    '447700900001'
    """
    phonenumbers = _library()
    written = as_written(dialled)
    # A number with its country code needs no country; some clients send an empty one then.
    if not _COUNTRY.fullmatch(country) and not (country == "" and written.startswith("+")):
        raise InvalidParam("country: must be two letters of ISO 3166-1")
    if not _DIALLED.fullmatch(written):
        raise _refused()
    try:
        number = phonenumbers.parse(written, country.upper() or None)
    except phonenumbers.NumberParseException:
        raise _refused() from None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if number.extension or possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise _refused()
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    # At most 15 digits are E.164; fewer than 7 are short codes, which do not name one person.
    if not 7 <= len(digits) <= 15:
        raise _refused()
    return Candidate(Threepid(Medium.MSISDN, digits), digits)


def plan_of(digits: str) -> Plan:
    """Return the place of a canonical number in the numbering plan.

    * ``digits``: the digits of E.164. They alone decide, since the ``country`` of a request is chosen by the client.

    A number that no region has assigned yet counts as one of the main region of its country code.
    """
    phonenumbers = _library()
    number = phonenumbers.parse(f"+{digits}", None)
    code = number.country_code or 0
    region = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(code)
    kinds = {getattr(phonenumbers.PhoneNumberType, kind.upper()): kind for kind in NUMBER_KINDS}
    kind = kinds.get(phonenumbers.number_type(number))
    return Plan(region, kind, digits[: len(str(code)) + _PREFIX_DIGITS])


def bare_number(typed: str) -> str:
    """Return a number without its plus sign and separators. Raises ``InvalidParam`` if anything but digits is left.

    The number is not checked further (REQ-MSISDN-7).
    """
    bare = as_written(typed).removeprefix("+").translate(_SEPARATORS)
    if not _DIGITS.fullmatch(bare):
        raise InvalidParam("address: must be a phone number in digits")
    return bare


def read_number(address: str, policy: object) -> Threepid:
    """Return the identifier of a number in digits. Raises ``InvalidParam``.

    * ``address``: the number with or without ``+`` and separators.
    * ``policy``: not used; readers of other media need it.
    """
    # Not checked against the numbering plan: a number that was valid once must stay deletable (REQ-MSISDN-7).
    return Threepid(Medium.MSISDN, bare_number(address))


def international(digits: str) -> str:
    """Return the digits of E.164 in international form, such as ``+44 7700 900001``."""
    phonenumbers = _library()
    number = phonenumbers.parse(f"+{digits}", None)
    shown: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return shown


def _refused() -> InvalidParam:
    return InvalidParam("phone_number: must be a possible phone number of that country, or an international one")


def check_countries(countries: Collection[str]) -> None:
    """Raise ``ConfigurationError`` for a region without telephone numbers, such as UK, which is GB."""
    if unknown := set(countries) - set(_library().SUPPORTED_REGIONS):
        names = ", ".join(sorted(unknown))
        raise ConfigurationError(f"policy.sms.countries: no numbers belong to {names} (the United Kingdom is GB)")
