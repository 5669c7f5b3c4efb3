"""The ports: what a host and its back ends provide, as Protocols with few methods (decision 4).

Methods return awaitables, so ``async def`` functions, futures and Deferreds can implement them. "Not there" is a value
and never an exception. A port that cannot answer at present raises ``errors.Unavailable``, which is answered with 503;
every other exception counts as a bug and is raised to the host.
"""

from ..model.call import Caller
from ..model.delivery import DeliveryEvent, DeliveryStatus
from ..model.gate import Allow, Challenge, Deny, GateRequest
from ..model.limit import Charge, merged
from .accounts import AccountKeeper, ExtraStage, LoggedIn, UiaSessionStore
from .administration import AuditLog, Authorisation
from .host import Accounts, AddressRules, Callers, Clock, Gate, Listener, Pages, RandomBytes, Uia, system_clock
from .identity import (
    Credentials,
    IdentityServerClient,
    InvitationClient,
    InvitationKeys,
    ObjectSigner,
    OnbindClient,
    OpenIdUsers,
    RequestVerifier,
    Told,
)
from .limits import RateLimiter
from .messages import Messages, Suppressions
from .published import AssociationStore, InvitationStore, LoginStore
from .rooms import Rooms
from .senders import RemoteVerifier, TokenSender
from .stores import BindingStore, ReversalStore, SessionStore

__all__ = [
    "AccountKeeper",
    "Accounts",
    "AddressRules",
    "Allow",
    "AssociationStore",
    "AuditLog",
    "Authorisation",
    "BindingStore",
    "Caller",
    "Callers",
    "Challenge",
    "Charge",
    "Clock",
    "Credentials",
    "DeliveryEvent",
    "DeliveryStatus",
    "Deny",
    "ExtraStage",
    "Gate",
    "GateRequest",
    "IdentityServerClient",
    "InvitationClient",
    "InvitationKeys",
    "InvitationStore",
    "Listener",
    "LoggedIn",
    "LoginStore",
    "Messages",
    "ObjectSigner",
    "OnbindClient",
    "OpenIdUsers",
    "Pages",
    "RandomBytes",
    "RateLimiter",
    "RemoteVerifier",
    "RequestVerifier",
    "ReversalStore",
    "Rooms",
    "SessionStore",
    "Suppressions",
    "TokenSender",
    "Told",
    "Uia",
    "UiaSessionStore",
    "merged",
    "system_clock",
]
