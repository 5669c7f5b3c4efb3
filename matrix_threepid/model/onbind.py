"""What an identity server has to tell a homeserver: an address that was invited is bound to one of its users now.

Source: https://spec.matrix.org/latest/identity-service-api/#invitation-storage and
https://spec.matrix.org/latest/server-server-api/#put_matrixfederationv13pidonbind.
"""

from __future__ import annotations

from hashlib import sha256

import attrs
from attrs import frozen

from .binding import Retrying
from .threepid import Threepid

GIVE_UP = 7 * 86_400_000
"""The ms after which a homeserver that does not take the invitations of a user is told no more."""


@frozen(kw_only=True)
class Onbind:
    """A homeserver that waits to be told of a bind; an address has one at most.

    * ``id``: the key of the row, derived from the address.
    * ``threepid``: the address.
    * ``user_id``: the user to whom it was bound.
    * ``server``: the name of the user's homeserver.
    * ``created_at``: when the address was bound, in ms.
    * ``due_at``: when the homeserver is to be told, in ms.
    * ``attempts``: how often that has failed.
    * ``revision``: the number of changes. A store replaces a row only by the one with the next revision.
    """

    id: str
    threepid: Threepid
    user_id: str
    server: str
    created_at: int
    due_at: int
    attempts: int = 0
    revision: int = 0

    @classmethod
    def of(cls, threepid: Threepid, user_id: str, now: int, due_at: int) -> Onbind:
        """Return what is to be told once the address is bound to a user."""
        key = sha256("\0".join((threepid.medium.value, threepid.address)).encode()).hexdigest()[:32]
        server = user_id.partition(":")[2]
        return cls(id=key, threepid=threepid, user_id=user_id, server=server, created_at=now, due_at=due_at)

    def lease(self, until: int) -> Onbind:
        """Return the row leased to one worker until ``until`` (ms); no other worker finds it due before."""
        return self._next(due_at=until)

    def again(self, now: int, retrying: Retrying, jitter: float) -> Onbind | None:
        """Return the row with the next try planned; ``None`` once it is older than ``GIVE_UP``.

        * ``now``: the time in ms; ``retrying``: the pauses.
        * ``jitter``: from 0 to 1, as ``Retrying.pause`` takes it.
        """
        if now >= self.created_at + GIVE_UP:
            return None
        return self._next(attempts=self.attempts + 1, due_at=now + retrying.pause(self.attempts, jitter))

    def _next(self, **changes: object) -> Onbind:
        return attrs.evolve(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]
