"""What stores give: sessions, counts, bindings and associations, shared by all processes of a host."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from attrs import frozen

from ..model.association import Association
from ..model.binding import Binding
from ..model.session import Session
from ..model.threepid import Purpose, Threepid
from ..policy import Limit


class SessionStore(Protocol):
    """Sessions, found by ``sid`` or by ``slot``. No rule about sessions lives here."""

    def open(self, session: Session) -> Awaitable[Session]:
        """Insert ``session`` unless its slot is taken, atomically; return the session that has the slot."""

    def get(self, sid: str) -> Awaitable[Session | None]:
        """Return a session."""

    def find(self, slot: str) -> Awaitable[Session | None]:
        """Return the session that has this slot."""

    def replace(self, session: Session) -> Awaitable[bool]:
        """Swap ``session`` in if the stored revision is the one before its own; return whether it was."""

    def lease_due(self, now: int, until: int) -> Awaitable[Session | None]:
        """Take the session whose message has waited longest (the least ``due_at`` up to ``now``), atomically.

        It is put off as ``Session.lease(until)`` does, and returned as it is then; nobody else finds it before
        ``until`` (ms of the wall clock). ``None``: nothing is due, or all that is, is being taken by others.
        """

    def of_owner(self, user_id: str) -> Awaitable[Sequence[Session]]:
        """Return the sessions opened by a user that are not over."""

    def of_threepid(self, threepid: Threepid, purpose: Purpose) -> Awaitable[Sequence[Session]]:
        """Return the sessions of an identifier for one purpose that are not over."""

    def erase(self, user_id: str, threepids: Sequence[Threepid]) -> Awaitable[int]:
        """Delete all sessions a user has opened, and those of these identifiers that nobody known has; return how many.

        Whether they are over makes no difference. Sessions that other users have opened stay.
        """

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete at most ``limit`` sessions that expired before that time; return how many. Housekeeping only."""


@frozen
class Charge:
    """Something to count: a key (a MAC or a name, never an address), its limit and what it costs.

    ``cost`` 0 asks without counting.
    """

    key: str
    limit: Limit
    cost: int = 1


class RateLimiter(Protocol):
    """Counts that all processes of a host share."""

    def charge(self, charges: Sequence[Charge], now: int) -> Awaitable[int]:
        """Count the charges in order up to the first that is refused; return 0, or the ms until that one is granted.

        A cost above the burst is never granted: the answer is then the ms until the key is completely refilled, and an
        interval for each unit above the burst.
        """

    def forget(self, keys: Sequence[str]) -> Awaitable[None]:
        """Forget what was counted under these keys."""

    def purge(self, now: int, limit: int) -> Awaitable[int]:
        """Forget at most ``limit`` keys that are completely refilled; return how many."""


class BindingStore(Protocol):
    """Where which address is bound. No rule about bindings lives here."""

    def insert(self, binding: Binding) -> Awaitable[bool]:
        """Insert a binding unless there is one of its ``id``; return whether it was inserted."""

    def get(self, binding_id: str) -> Awaitable[Binding | None]:
        """Return a binding."""

    def replace(self, binding: Binding) -> Awaitable[bool]:
        """Swap ``binding`` in if the stored revision is the one before its own; return whether it was."""

    def forget(self, binding: Binding) -> Awaitable[bool]:
        """Delete ``binding`` if the stored revision is its own; return whether it was."""

    def of_user(self, user_id: str) -> Awaitable[Sequence[Binding]]:
        """Return all bindings of a user, the oldest first; also after the user has left."""

    def lease_due(self, now: int, until: int) -> Awaitable[Binding | None]:
        """Take the binding that has waited longest to be taken back, as ``SessionStore.lease_due`` does a session."""

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete at most ``limit`` bindings made before that time whose address never became known; return how many."""


class AssociationStore(Protocol):
    """What an identity server publishes: one user an address."""

    def put(self, association: Association) -> Awaitable[None]:
        """Publish an association in the place of any earlier one of its address."""

    def get(self, threepid: Threepid) -> Awaitable[Association | None]:
        """Return the association of an address."""

    def remove(self, threepid: Threepid, mxid: str) -> Awaitable[bool]:
        """Delete the association of this address with this very user; return whether there was one."""
