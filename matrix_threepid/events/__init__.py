"""The events that a ``Listener`` receives, for metrics, audit logs and push.

All are frozen values without secrets. Addresses in them are masked when they are printed. Each carries a ``Context``:
when it happened, and in which request.
"""

from __future__ import annotations

from .accounts import ChangesUndone, RemovalConfirmed, ThreepidAdded, ThreepidRemoved
from .happened import Context, Happened
from .limits import GateFailed, LimitReached, SmsBudgetUsed, SmsCountryPaused
from .operators import Administered, Explained
from .publishing import (
    InvitationRedeemed,
    InvitationRefused,
    OnbindGivenUp,
    ThreepidBound,
    ThreepidInvited,
    ThreepidUnbound,
    UnbindGivenUp,
)
from .sessions import DeliveryReported, ManyWrongCodes, MessageSent, SessionDisowned, ThreepidValidated, WrongToken

Event = (
    Administered
    | MessageSent
    | DeliveryReported
    | ThreepidValidated
    | ThreepidAdded
    | ThreepidRemoved
    | ChangesUndone
    | RemovalConfirmed
    | ThreepidBound
    | ThreepidInvited
    | InvitationRedeemed
    | InvitationRefused
    | ThreepidUnbound
    | UnbindGivenUp
    | OnbindGivenUp
    | SessionDisowned
    | LimitReached
    | WrongToken
    | ManyWrongCodes
    | SmsBudgetUsed
    | SmsCountryPaused
    | GateFailed
    | Explained
)
"""Any event: what a ``Listener`` is called with."""

__all__ = [
    "Administered",
    "ChangesUndone",
    "Context",
    "DeliveryReported",
    "Event",
    "Explained",
    "GateFailed",
    "Happened",
    "InvitationRedeemed",
    "InvitationRefused",
    "LimitReached",
    "ManyWrongCodes",
    "MessageSent",
    "OnbindGivenUp",
    "RemovalConfirmed",
    "SessionDisowned",
    "SmsBudgetUsed",
    "SmsCountryPaused",
    "ThreepidAdded",
    "ThreepidBound",
    "ThreepidInvited",
    "ThreepidRemoved",
    "ThreepidUnbound",
    "ThreepidValidated",
    "UnbindGivenUp",
    "WrongToken",
]
