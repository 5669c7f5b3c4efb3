"""Phone numbers: possible numbers in E.164 digits, from what a person dials in a country."""

from __future__ import annotations

import re
from typing import Any
from unicodedata import category, decimal

from attrs import frozen

from ..protocol.errors import InvalidParam
from ..protocol.members import Text, member, typed
from .threepid import Candidate, Medium, Threepid

KINDS = ("premium_rate", "shared_cost", "personal_number", "uan", "pager", "voicemail")
"""The kinds of numbers that cost whoever writes to them, or that nobody reads SMS at."""
_PREFIX_DIGITS = 4
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_COUNTRY_MEMBER = Text(r"[\s\S]{0,64}", "must be two letters of ISO 3166-1")
_DIGITS = re.compile(r"[0-9]+")
_DIALLED = re.compile(r"\+?[\d \-.()/\u2010-\u2015\u00a0]+")


@frozen
class Plan:
    """Where a number belongs. ``region``: ISO 3166-1, ``001`` for none; ``kind``: of ``KINDS``, or ``None``.

    ``prefix``: country code and the next four digits, which whoever rents a block of numbers has in common.
    """

    region: str
    kind: str | None
    prefix: str


@frozen(kw_only=True, slots=False)
class PhoneMembers:
    """The members of a request that name a phone number."""

    country: str = member(_COUNTRY_MEMBER, doc="two letters of ISO 3166-1; empty for an international number")
    phone_number: str = typed(64, doc="as dialled from that country, or international")

    def candidate(self, policy: object) -> Candidate:
        """Return the number meant. Raises ``InvalidParam``."""
        return canonical_msisdn(self.country, self.phone_number)


def as_written(typed: str) -> str:
    """Return a number without what phones and address books put around it when it is copied.

    These are invisible marks of the direction of text, spaces of other widths, and the ``tel:`` of links
    (https://www.rfc-editor.org/rfc/rfc3966). Digits of other scripts become ASCII.

    >>> as_written("\u202atel:+44\u202f7700\u00a0900001\u202c")
    '+44 7700 900001'
    """
    seen = "".join(
        " " if category(char) == "Zs" else str(decimal(char, char)) for char in typed if category(char) != "Cf"
    )
    return re.sub(r"(?i)^\s*tel:", "", seen).strip()


def _library() -> Any:
    """Return ``phonenumbers``. It weighs 48 MB, so it is an extra, and loaded when the first number is read.

    A role refuses senders for numbers without it; what is left is a log-in by number, where nobody has one.
    """
    try:
        import phonenumbers
    except ImportError:
        raise InvalidParam("phone_number: is not supported by this server") from None
    return phonenumbers


def canonical_msisdn(country: str, dialled: str) -> Candidate:
    """Return the identifier of a number dialled in ``country`` (two letters), or written internationally.

    A number must be possible, not in service: numbering plans change. Raises ``InvalidParam``.
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
    if not 7 <= len(digits) <= 15:
        raise _refused()
    return Candidate(Threepid(Medium.MSISDN, digits), digits)


def plan_of(digits: str) -> Plan:
    """Return where a canonical number belongs, by its own digits.

    A number that no country has given out yet counts as one of the first country that has its country code.
    """
    phonenumbers = _library()
    number = phonenumbers.parse(f"+{digits}", None)
    code = number.country_code or 0
    region = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(code)
    kinds = {getattr(phonenumbers.PhoneNumberType, kind.upper()): kind for kind in KINDS}
    kind = kinds.get(phonenumbers.number_type(number))
    return Plan(region, kind, digits[: len(str(code)) + _PREFIX_DIGITS])


def bare_number(typed: str) -> str:
    """Return a number as people write it without its plus sign and separators; plans change, so it is not judged.

    Raises ``InvalidParam`` for what is no number in digits.
    """
    bare = as_written(typed).removeprefix("+").translate({ord(char): None for char in " -.()/"})
    if not _DIGITS.fullmatch(bare):
        raise InvalidParam("address: must be a phone number in digits")
    return bare


def read_number(address: str, policy: object) -> Threepid:
    """Return the identifier of a number written in full. Raises ``InvalidParam``.

    It is not judged again: numbering plans change, and an address on an account must stay removable.
    """
    return Threepid(Medium.MSISDN, bare_number(address))


def international(digits: str) -> str:
    """Return a number as people read it: ``+44 7700 900001``."""
    phonenumbers = _library()
    number = phonenumbers.parse(f"+{digits}", None)
    shown: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return shown


def _refused() -> InvalidParam:
    return InvalidParam("phone_number: must be a possible phone number of that country, or an international one")
