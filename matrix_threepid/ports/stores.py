"""The ports of stores: sessions, limits, bindings and associations, shared by all processes of a host.

No operation has an optional filter, since one that is forgotten would let every row through (SEC-104).
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from typing import Protocol

from attrs import frozen

from ..model.association import Association
from ..model.binding import Binding
from ..model.session import Session
from ..model.threepid import Medium, Purpose, Threepid
from ..policy import Limit


class SessionStore(Protocol):
    """Sessions by ``sid`` and by ``slot``, both unique. The rules about sessions are methods of ``Session``."""

    def open(self, session: Session) -> Awaitable[Session]:
        """Insert a session unless another one has its slot; return the session that has the slot. Atomic."""

    def get(self, sid: str) -> Awaitable[Session | None]:
        """Return the session with this id, in whatever state it is; ``None`` if there is none."""

    def find(self, slot: str) -> Awaitable[Session | None]:
        """Return the session with this slot; ``None`` if there is none."""

    def replace(self, session: Session) -> Awaitable[bool]:
        """Store a session if the stored revision is its own less 1; return whether it was stored. Atomic (SEC-106)."""

    def lease_due(self, now: int, until: int, medium: Medium) -> Awaitable[Session | None]:
        """Lease the session with the least ``due_at`` up to ``now``; return it as changed by ``Session.lease``. Atomic.

        * ``now``: the time in ms.
        * ``until``: the time in ms before which no other worker finds the session.
        * ``medium``: only sessions of this medium are leased, so that no medium waits for the sender of another.

        ``None``: no session is due, or other workers are leasing all that are.
        """

    def of_owner(self, user_id: str) -> Awaitable[Sequence[Session]]:
        """Return the sessions whose ``owner`` is this user and that are neither consumed nor ended."""

    def of_threepid(self, threepid: Threepid, purpose: Purpose) -> Awaitable[Sequence[Session]]:
        """Return the sessions of an identifier for one purpose that are neither consumed nor ended."""

    def erase(self, user_id: str, threepids: Sequence[Threepid]) -> Awaitable[int]:
        """Delete the sessions of a user, and those of some identifiers without an ``owner``; return how many.

        * ``user_id``: the ``owner`` of the sessions.
        * ``threepids``: the identifiers. Their sessions with another ``owner`` stay.

        Sessions that are consumed or ended are deleted too.
        """

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete sessions that expired before a time; return how many. No rule depends on it (SEC-109).

        * ``before``: the time in ms.
        * ``limit``: the largest number to delete, which bounds the time of the transaction.
        """


@frozen
class Charge:
    """A charge against a limit.

    * ``key``: what is counted: a name and a MAC, and never an address itself.
    * ``limit``: the limit of the key.
    * ``cost``: the number of charges; 0 asks without counting. Default 1.
    """

    key: str
    limit: Limit
    cost: int = 1


class RateLimiter(Protocol):
    """Counts of limits, shared by all processes of a host: a count per process would multiply the limit (SEC-116).

    ``Limit.charge`` is the arithmetic.
    """

    def charge(self, charges: Sequence[Charge], now: int) -> Awaitable[int]:
        """Make charges in order up to the first that is refused. Return 0, or the ms until that one is granted.

        * ``charges``: the charges; those before the refused one stay counted, and it counts nothing.
        * ``now``: the time in ms.

        A cost above the burst is never granted: the answer is the ms until the key is completely refilled, plus one
        interval for each unit above the burst.
        """

    def forget(self, keys: Sequence[str]) -> Awaitable[None]:
        """Delete the counts of these keys."""

    def purge(self, now: int, limit: int) -> Awaitable[int]:
        """Delete up to ``limit`` keys that are completely refilled at the time ``now``; return how many."""


class BindingStore(Protocol):
    """Bindings by ``id``, which is unique. The rules about bindings are methods of ``Binding``."""

    def insert(self, binding: Binding) -> Awaitable[bool]:
        """Insert a binding unless one with its ``id`` is stored; return whether it was inserted. Atomic."""

    def get(self, binding_id: str) -> Awaitable[Binding | None]:
        """Return the binding with this id; ``None`` if there is none."""

    def replace(self, binding: Binding) -> Awaitable[bool]:
        """Store a binding if the stored revision is its own less 1; return whether it was stored. Atomic."""

    def forget(self, binding: Binding) -> Awaitable[bool]:
        """Delete a binding if the stored revision is its own; return whether it was deleted. Atomic."""

    def of_user(self, user_id: str) -> Awaitable[Sequence[Binding]]:
        """Return all bindings of a user, the oldest first, also after the account was deactivated."""

    def lease_due(self, now: int, until: int, skip: Collection[str]) -> Awaitable[Binding | None]:
        """Lease the binding with the least ``due_at`` up to ``now``, as ``SessionStore.lease_due`` does. Atomic.

        * ``skip``: users whose bindings are not leased, so that a worker can serve users in turn; up to 1,000.
        """

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete bindings without ``threepid`` that were made before a time; return how many.

        * ``before``: the time in ms.
        * ``limit``: the largest number to delete.
        """

    def given_up(self, before: int, limit: int) -> Awaitable[Sequence[Binding]]:
        """Return bindings whose unbind was given up: with ``unwanted_since`` before a time, and without ``due_at``.

        * ``before``: the time in ms.
        * ``limit``: the largest number to return; any of them.
        """


class AssociationStore(Protocol):
    """The associations that an identity server publishes; an address has one user (REQ-ISBIND-1)."""

    def put(self, association: Association) -> Awaitable[None]:
        """Store an association; an earlier one of the same address is replaced."""

    def get(self, threepid: Threepid) -> Awaitable[Association | None]:
        """Return the association of an address; ``None`` if there is none."""

    def remove(self, threepid: Threepid, mxid: str) -> Awaitable[bool]:
        """Delete the association of an address if it is with this user; return whether there was one."""
