"""The ports of stores: sessions, limits, bindings and associations, shared by all processes of a host.

No operation has an optional filter, since one that is forgotten would let every row through (SEC-104).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol

from attrs import evolve, frozen

from ..model.association import Association
from ..model.binding import Binding
from ..model.delivery import DeliveryEvent
from ..model.invitation import Invitation
from ..model.login import Login
from ..model.lookup import LookupPepper
from ..model.onbind import Onbind
from ..model.outbound import MessageCount, OutboundMessage
from ..model.reversal import Reversal
from ..model.session import Session
from ..model.suppression import Suppression
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
    * ``until``: the time in ms at which the period ends in which ``limit.burst`` charges are granted, such as the end
      of the day; nothing refills before, and the next period has another key. ``None`` (default): the limit refills.

    Stores need four numbers of it: ``base``, ``full``, ``price`` and ``most``.

    >>> Charge("k", Limit(2, 1)).counted(None, now=10_000), Charge("k", Limit(2, 1)).counted(12_000, now=10_000)
    ((11000, 0), (12000, 1000))
    """

    key: str
    limit: Limit
    cost: int = 1
    until: int | None = None

    def base(self, now: int) -> int:
        """Return the number that stands for a key of which nothing is used at the time ``now``."""
        return now if self.until is None else self.until

    def full(self, now: int) -> int:
        """Return the number that stands for a key that is completely used at the time ``now``."""
        return self.base(now) + self._interval * self.limit.burst

    @property
    def price(self) -> int:
        """By how much the stored number grows."""
        return self.cost * self._interval

    def most(self, now: int) -> int:
        """Return the largest stored number with which the charge is granted, one of cost 0 as if its cost were 1."""
        return self.full(now) - self._interval * max(self.cost, 1)

    def counted(self, full_at: int | None, now: int) -> tuple[int, int]:
        """Return the number to store for the key after the charge, and the ms to wait: 0 if the charge is granted.

        * ``full_at``: the number stored so far; ``None`` for a key that is not stored.
        * ``now``: the time in ms.
        """
        stored = self._stored(full_at, now)
        over = stored - self.most(now)
        if over <= 0:
            return stored + self.price, 0
        return stored, over if self.until is None else max(self.until - now, 1)

    def used(self, full_at: int | None, now: int) -> int:
        """Return how many charges of the key are used, with what has refilled left out; a part counts as a whole."""
        return -((self.base(now) - self._stored(full_at, now)) // self._interval)

    def _stored(self, full_at: int | None, now: int) -> int:
        base = self.base(now)
        # Without the upper bound a clock that was set back would refuse every charge until it has caught up.
        return min(max(base if full_at is None else full_at, base), self.full(now))

    @property
    def _interval(self) -> int:
        # In a period nothing refills, so the number is a plain count; the row can be purged soon after the period.
        return self.limit.interval if self.until is None else 1


class RateLimiter(Protocol):
    """Counts of limits, shared by all processes of a host: a count per process would multiply the limit (SEC-116).

    The arithmetic is that of ``Charge``. Where charges share a key, limit and ``until`` are the same.
    """

    def charge(self, charges: Sequence[Charge], now: int) -> Awaitable[int]:
        """Make all charges, or none if one is refused. Return 0, or the ms until all would be granted. Atomic.

        * ``charges``: the charges.
        * ``now``: the time in ms.

        A cost above the burst is never granted: the answer is the ms until the key is completely refilled, plus one
        interval for each unit above the burst.
        """

    def give_back(self, charges: Sequence[Charge], now: int) -> Awaitable[None]:
        """Take charges back that were made earlier; never more than are used."""

    def used(self, charges: Sequence[Charge], now: int) -> Awaitable[Sequence[int]]:
        """Return how many charges of each key are used at the time ``now``; ``cost`` has no meaning here."""

    def forget(self, keys: Sequence[str]) -> Awaitable[None]:
        """Delete the counts of these keys."""

    def purge(self, now: int, limit: int) -> Awaitable[int]:
        """Delete up to ``limit`` keys that are completely refilled at the time ``now``; return how many."""


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


def merged(charges: Sequence[Charge]) -> list[Charge]:
    """Return the charges with those of one key made one, in the order of their keys.

    Stores that lock rows lock them in this order, so that two calls never wait for each other.
    """
    found: dict[str, Charge] = {}
    for each in charges:
        before = found.get(each.key)
        found[each.key] = each if before is None else evolve(before, cost=before.cost + each.cost)
    return [found[key] for key in sorted(found)]


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


class LoginStore(Protocol):
    """The access tokens of an identity server by ``token_mac``, and the terms that its users have accepted."""

    def put(self, login: Login, most: int) -> Awaitable[None]:
        """Store a login; of its user only the ``most`` newest stay."""

    def find(self, macs: Sequence[str]) -> Awaitable[Login | None]:
        """Return the login with one of these MACs; ``None`` if there is none.

        * ``macs``: the MACs of one token, one for each pepper in force: one or two.
        """

    def end(self, macs: Sequence[str]) -> Awaitable[int]:
        """Delete the logins with these MACs, one or two; return how many there were."""

    def accept(self, user_id: str, documents: Sequence[str], now: int) -> Awaitable[None]:
        """Store that a user has accepted documents.

        * ``documents``: name and version of each, as one text.
        * ``now``: the time in ms; that of the first acceptance of a document stays.
        """

    def accepted(self, user_id: str) -> Awaitable[Sequence[str]]:
        """Return the documents that a user has accepted, each once, in any order."""

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete up to ``limit`` logins that were created before a time, the oldest first; return how many."""


class InvitationStore(Protocol):
    """The invitations of an identity server by ``token``, addresses that want no more, and what is told of binds."""

    def put(self, invitation: Invitation, most: int) -> Awaitable[bool]:
        """Store an invitation unless ``most`` of its address wait for their delivery; return whether it was stored.

        Of several at the same time each may find room for one.
        """

    def get(self, token: str) -> Awaitable[Invitation | None]:
        """Return the invitation with this token; ``None`` if there is none."""

    def has_key(self, public_key: str) -> Awaitable[bool]:
        """Return whether an invitation has this ``public_key``, delivered or not."""

    def remove(self, token: str) -> Awaitable[bool]:
        """Delete the invitation with this token; return whether there was one."""

    def stop(self, threepid: Threepid, now: int) -> Awaitable[None]:
        """Store that an address wants no more invitations; ``now``: the time in ms. Those that wait stay."""

    def is_stopped(self, threepid: Threepid) -> Awaitable[bool]:
        """Return whether an address wants no more invitations."""

    def waiting(self, threepid: Threepid) -> Awaitable[Sequence[Invitation]]:
        """Return the invitations of an address that were not delivered, the oldest first."""

    def deliver(self, tokens: Sequence[str], now: int) -> Awaitable[None]:
        """Set ``delivered_at`` of the invitations with these tokens to ``now`` (ms); their keys stay known."""

    def announce(self, onbind: Onbind, most: int) -> Awaitable[bool]:
        """Store what a homeserver is to be told; what was to be told of the same address is replaced.

        Unless ``most`` others wait for the same server. Returns whether it was stored. Of several at the same time each
        may find room for one.
        """

    def lease_due(self, now: int, until: int, skip: Collection[str]) -> Awaitable[Onbind | None]:
        """Lease the onbind with the least ``due_at`` up to ``now``, as ``SessionStore.lease_due`` does. Atomic.

        * ``skip``: servers whose onbinds are not leased, so that a worker can serve servers in turn; up to 1,000.
        """

    def replace(self, onbind: Onbind) -> Awaitable[bool]:
        """Store an onbind if the stored revision is its own less 1; return whether it was stored. Atomic."""

    def forget(self, onbind: Onbind) -> Awaitable[bool]:
        """Delete an onbind if the stored revision is its own; return whether it was deleted. Atomic."""

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete up to ``limit`` invitations that were made before a time, the oldest first; return how many."""


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


class Messages(Protocol):
    """The messages that were written down, by ``id``, which is unique; with this store their delivery is recorded.

    The rules about messages are methods of ``OutboundMessage``.
    """

    def write(self, message: OutboundMessage) -> Awaitable[bool]:
        """Insert a message unless one with its ``id`` is stored; return whether it was inserted. Atomic."""

    def record(self, event: DeliveryEvent) -> Awaitable[OutboundMessage | None]:
        """Store what ``OutboundMessage.with_event`` makes of a message and an event, and return it. Atomic.

        ``None``: there is no such message, or the event tells nothing new of it, so that nothing was stored.
        """

    def get(self, message_id: str) -> Awaitable[OutboundMessage | None]:
        """Return the message with this id; ``None`` if there is none."""

    def of_session(self, sid: str) -> Awaitable[Sequence[OutboundMessage]]:
        """Return the messages of a session, the oldest first."""

    def of_address(self, keys: Sequence[str]) -> Awaitable[Sequence[OutboundMessage]]:
        """Return the newest 100 messages to an address, the newest first.

        * ``keys``: the keys of one address, one for each pepper in force: one or two.
        """

    def erase(self, user_id: str, keys: Sequence[str]) -> Awaitable[int]:
        """Delete the messages of a user, and those to some addresses without a ``user_id``; return how many.

        * ``user_id``: the user.
        * ``keys``: the keys of the addresses. Messages to them with another ``user_id`` stay.
        """

    def counts(self, since: int) -> Awaitable[Sequence[MessageCount]]:
        """Return the counts of messages that ``purge`` has deleted, from the day of a time (ms) on, in order."""

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete up to ``limit`` messages that expired before a time, and count them; return how many. Atomic.

        * ``before``: the time in ms. Counts of days more than ``COUNTED_DAYS`` earlier are deleted.
        * ``limit``: the largest number to delete.
        """


class Suppressions(Protocol):
    """The suppressions of addresses, by ``key``, which is unique. The rules are methods of ``Suppression``."""

    def of_address(self, keys: Sequence[str]) -> Awaitable[Sequence[Suppression]]:
        """Return the suppressions of an address, in any order.

        * ``keys``: the keys of one address, one for each pepper in force: one or two.
        """

    def put(self, suppression: Suppression) -> Awaitable[bool]:
        """Store a suppression if the stored revision is its own less 1; that of none is 0. Atomic.

        Returns whether it was stored.
        """

    def lift(self, keys: Sequence[str]) -> Awaitable[int]:
        """Delete the suppressions under the keys of an address, one or two; return how many there were."""

    def listed(self, after: str, limit: int) -> Awaitable[Sequence[Suppression]]:
        """Return suppressions in the order of their keys.

        * ``after``: the key after which to begin; empty for the first.
        * ``limit``: the largest number to return.
        """

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete up to ``limit`` suppressions that expired before a time (ms); return how many."""


class AssociationStore(Protocol):
    """The associations that an identity server publishes; an address has one user (REQ-ISBIND-1)."""

    def put(self, association: Association) -> Awaitable[None]:
        """Store an association; an earlier one of the same address is replaced."""

    def get(self, threepid: Threepid) -> Awaitable[Association | None]:
        """Return the association of an address; ``None`` if there is none."""

    def get_many(self, threepids: Sequence[Threepid]) -> Awaitable[Sequence[Association]]:
        """Return the associations of up to 1,000 addresses, in any order; those that are not published are left out."""

    def remove(self, threepid: Threepid, mxid: str) -> Awaitable[bool]:
        """Delete the association of an address if it is with this user; return whether there was one."""

    def peppers(self) -> Awaitable[Sequence[LookupPepper]]:
        """Return the newest two peppers of the hashes for look-ups, the newest first; fewer if there are fewer."""

    def add_pepper(self, pepper: LookupPepper) -> Awaitable[bool]:
        """Store a pepper if its number is the next one and the newest is ready; return whether it was stored. Atomic.

        From then on ``put`` hashes with it and the one before; older peppers and their hashes are forgotten.
        """

    def rehash(self, limit: int) -> Awaitable[int]:
        """Hash up to ``limit`` associations with the newest pepper that have no such hash yet; return how many.

        If these were the last ones, fewer than ``limit``, the newest pepper is marked as ready. 0 without a pepper.
        """

    def look_up(self, number: int, hashes: Sequence[str]) -> Awaitable[Mapping[str, str]]:
        """Return the users of up to 1,000 hashes, by hash; hashes of no association are left out.

        * ``number``: the number of the pepper in the hashes, one of those that ``peppers`` returns.
        """
