"""Who and what is in a schedule: users, addresses, identity servers, policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model.threepid import Medium, Threepid
from ...policy import Limit, Limits, SmsRules
from ..world import ALICE, BOB, GENEROUS, GENEROUS_SMS

SERVERS = ("is1.example.org", "is2.example.org")
USERS = {"alice": ALICE, "bob": BOB}
ADDRESSES: Mapping[str, Threepid] = {
    "mail1": Threepid(Medium.EMAIL, "one@example.org"),
    "mail2": Threepid(Medium.EMAIL, "two@example.org"),
    "phone1": Threepid(Medium.MSISDN, "447400123456"),
    "phone2": Threepid(Medium.MSISDN, "447400123457"),
}
POLICIES: Mapping[str, Mapping[str, Any]] = {
    "deferred": {"deferred_sending": True},
    "hidden": {"hide_known_addresses": True},
    "codes": {"password_reset_by": "code"},
    "queue": {"identity_server_refusal": "queue"},
    "silent": {"notices": False},
    "both": {"mail_proof": "both"},
}
"""The policies a schedule may choose, by name."""
_FEW = Limit(4, 0.001)
TIGHT: Mapping[str, Any] = {
    "limits": Limits(
        per_address=_FEW,
        per_client=GENEROUS.per_client,
        per_user=GENEROUS.per_user,
        guesses=3,
        guesses_kept=1,
        apart=0,
        changes=Limit(6, 0.01),
    ),
    "sms": SmsRules(**{name: getattr(GENEROUS_SMS, name) for name in ("countries", "per_prefix")}, per_number=(_FEW,)),
    "guesses_per_code": 2,
    "password_reset_by_phone": True,
}
"""Limits that a schedule comes to."""
