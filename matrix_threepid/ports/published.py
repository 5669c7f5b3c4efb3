"""The ports of stores of an identity server: what it has published, who is logged in, and who is invited.

No operation has an optional filter, since one that is forgotten would let every row through (SEC-104).
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Protocol

from ..model.association import Association
from ..model.invitation import Invitation
from ..model.login import Login
from ..model.lookup import LookupPepper
from ..model.onbind import Onbind
from ..model.threepid import Threepid


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
