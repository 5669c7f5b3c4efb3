"""The ports of stores that every host has: sessions, bindings and reversals, shared by all processes of a host.

No operation has an optional filter, since one that is forgotten would let every row through (SEC-104).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

from ..model.binding import Binding
from ..model.delivery import DeliveryEvent
from ..model.limit import Charge
from ..model.outbound import OutboundMessage
from ..model.reversal import Reversal
from ..model.session import Session
from ..model.threepid import Medium, Purpose, Threepid


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


class ChargingSessions(Protocol):
    """What a ``SessionStore`` may have beside: a session and charges in one transaction, for fewer commits.

    A store without it, or with its limits elsewhere, is asked to do one after the other. A process that is killed in
    between then gives nothing back.
    """

    def counts_in(self, limiter: object) -> bool:
        """Return whether this limiter counts in the same database, so that these methods count for it."""

    def open_charging(
        self,
        session: Session,
        charges: Sequence[Charge],
        now: int,
        resume: Callable[[Session], Session | None],
        unless: Sequence[Charge] = (),
    ) -> Awaitable[tuple[int, Session, Session | None]]:
        """Do ``charge`` and, if the charges are granted, ``open``; change the session that has the slot already.

        * ``session``: the session to store.
        * ``charges``: the charges, of a cost each; either all are made or none.
        * ``now``: the time in ms.
        * ``resume``: a pure function from the session that has the slot to the one that replaces it, or to ``None`` if
          it stays as it is. It may be called more than once.
        * ``unless``: those of the charges that are not made if that session stays as it is. Default none.

        Returns the ms until the charges would be granted, 0 if they were made; the session that has the slot, as it was
        before ``resume``; and what has the slot now: ``None`` if somebody else has changed it meanwhile. Without the
        charges nothing is stored, and the session returned is ``session``.
        """

    def replace_charging(
        self, session: Session, charges: Sequence[Charge], now: int, *, required: bool
    ) -> Awaitable[tuple[bool, bool]]:
        """Do ``replace`` and ``charge``; return whether the session was stored, and whether the charges were made.

        * ``session``: the session.
        * ``charges``: the charges; either all are made or none.
        * ``now``: the time in ms.
        * ``required``: ``True``: the session is stored only if the charges are granted; they stand if it is not stored
          because its revision is another one. ``False``: the charges are made only if the session is stored, which is
          stored even if they are refused.
        """

    def replace_giving_back(self, session: Session, charges: Sequence[Charge]) -> Awaitable[bool]:
        """Do ``replace``, and ``give_back`` if the session was stored; return whether it was."""


class RecordingSessions(Protocol):
    """What a ``SessionStore`` may have beside: a session and its message in one transaction, for fewer commits.

    A store without it, or with its messages elsewhere, is asked to do one after the other.
    """

    def records_in(self, messages: object) -> bool:
        """Return whether this store of messages is in the same database, so that these methods write there."""

    def writing(self, message_of: Callable[[Session], OutboundMessage | None]) -> SessionStore:
        """Return this store, such that it writes down the message of each session that it stores or changes.

        * ``message_of``: a pure function that returns the message that a session is about to send, ``None`` for none. A
          message that was written before stays as it is.
        """

    def telling(self, event: DeliveryEvent) -> SessionStore:
        """Return this store, such that it does ``Messages.record`` with each session that it stores or changes."""


class PlacingSessions(Protocol):
    """What a ``SessionStore`` may have beside: it says in a new ``sid`` where the session will lie.

    A store that is divided by ``slot``, so that ``open`` is one step, finds a session by its ``sid`` without asking
    every part.
    """

    def place(self, sid: str, slot: str) -> str:
        """Return the ``sid`` with what this store appends to it: letters, digits, ``.``, ``-`` and ``_``.

        * ``sid``: 128 random bits as text, which stay at its beginning.
        * ``slot``: the slot of the new session.
        """


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


class ReversalStore(Protocol):
    """Reversals, one for each user at most. The rules about them are methods of ``Reversal``."""

    def insert(self, reversal: Reversal) -> Awaitable[bool]:
        """Insert a reversal unless its user has one; return whether it was inserted. Atomic."""

    def of_user(self, user_id: str) -> Awaitable[Reversal | None]:
        """Return the reversal of a user; ``None`` if there is none."""

    def get(self, reversal_id: str) -> Awaitable[Reversal | None]:
        """Return the reversal with this ``id``; ``None`` if there is none."""

    def replace(self, reversal: Reversal) -> Awaitable[bool]:
        """Store a reversal if the stored revision of its user's is its own less 1, also with a new ``id``. Atomic.

        Returns whether it was stored.
        """

    def forget(self, user_id: str) -> Awaitable[bool]:
        """Delete the reversal of a user; return whether there was one."""

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete up to ``limit`` reversals with an ``expires_at`` before a time (ms); return how many."""
