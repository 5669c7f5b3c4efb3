"""What the library asks of a host and of its back ends: Protocols, few methods each.

Methods return awaitables, so ``async def``, a Future and a Deferred all fit. "Not there" is a value,
never an exception. A port that cannot serve right now raises ``errors.Unavailable``; whatever else it
raises is taken for a bug and left visible.
"""

from ..model.call import Caller
from .host import Accounts, AddressRules, Callers, Clock, Listener, Pages, RandomBytes, Uia, system_clock
from .identity import Credentials, IdentityServerClient, ObjectSigner, RequestVerifier
from .senders import RemoteVerifier, TokenSender
from .stores import AssociationStore, BindingStore, Charge, RateLimiter, SessionStore

__all__ = [
    "Accounts",
    "AddressRules",
    "AssociationStore",
    "BindingStore",
    "Caller",
    "Callers",
    "Charge",
    "Clock",
    "Credentials",
    "IdentityServerClient",
    "Listener",
    "ObjectSigner",
    "Pages",
    "RandomBytes",
    "RateLimiter",
    "RemoteVerifier",
    "RequestVerifier",
    "SessionStore",
    "TokenSender",
    "Uia",
    "system_clock",
]
