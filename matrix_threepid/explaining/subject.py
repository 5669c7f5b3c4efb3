"""What an explanation is about, read from what an operator types."""

from __future__ import annotations

import re

from attrs import frozen

from ..model.email import canonical_email
from ..model.msisdn import canonical_msisdn
from ..model.threepid import Candidate
from ..policy import Policy
from ..protocol.errors import InvalidParam

_NUMBER = re.compile(r"\+?[0-9][0-9 ().\-/]{5,40}")
_SID = re.compile(r"[0-9A-Za-z.=_-]{1,255}")
_NOWHERE = "ZZ"
"""The country of a number that has no country of its own."""


@frozen
class Subject:
    """One address, session or user.

    * ``kind``: ``address``, ``number``, ``session`` or ``user``.
    * ``name``: the user id, or the id of the session; empty for the others.
    * ``candidate``: the address or number; ``None`` for the others.
    """

    kind: str
    name: str = ""
    candidate: Candidate | None = None


def read_subject(what: str, policy: Policy) -> Subject:
    """Return what a text names: ``@user:server``, an address, a number, or the id of a session.

    * ``what``: the text. A number without ``+`` is read as one of the only country of ``Policy.sms``, if it is one.
    * ``policy``: the choices that decide which addresses are read.

    Raises ``InvalidParam``, which does not repeat the text.
    """
    typed = what.strip()
    if typed.startswith("@") and ":" in typed and len(typed) <= 255 and typed.isprintable():
        return Subject("user", typed)
    if "@" in typed:
        return Subject("address", candidate=canonical_email(typed, intranet_domains=policy.intranet_domains))
    if _NUMBER.fullmatch(typed):
        return Subject("number", candidate=_number(typed, policy))
    if _SID.fullmatch(typed):
        return Subject("session", typed)
    raise InvalidParam("what: must be an address, a number, the sid of a session, or @user:server")


def _number(typed: str, policy: Policy) -> Candidate:
    countries = policy.sms.countries
    country = next(iter(countries)) if len(countries) == 1 else _NOWHERE
    try:
        return canonical_msisdn(country, typed)
    except InvalidParam:
        # Numbers as they are stored have no ``+``.
        return canonical_msisdn(country, f"+{typed.lstrip('+')}")
