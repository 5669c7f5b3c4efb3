"""A binding: an address of a user that an identity server publishes or may publish, as a value with pure rules.

A row is written before the identity server is called, and deleted only after that server has confirmed the unbind
(decision 13), so every address that may be public has a row. Times are in ms of the wall clock.
See MSC2290, https://github.com/matrix-org/matrix-spec-proposals/pull/2290.
"""

from __future__ import annotations

import attrs
from attrs import frozen

from ..protocol.members import Choices, choice, documented
from ..protocol.rules import Integer
from .threepid import Threepid, mask_field


@documented
@frozen(kw_only=True)
class Retrying(Choices):
    """How unbinds, and what is told of binds, are tried again (decision 11)."""

    AT = "policy.retrying"

    first: int = choice(Integer(1), 60_000, doc="ms of the first pause; every further one is twice as long")
    longest: int = choice(Integer(1), 6 * 3_600_000, doc="ms of the longest pause")
    give_up: int = choice(Integer(1), 30 * 86_400_000, doc="ms after which an unbind is given up")
    keep: int = choice(
        Integer(1), 30 * 86_400_000, doc="ms for which a binding is remembered after its unbind was given up"
    )

    def pause(self, attempts: int, jitter: float) -> int:
        """Return the ms until the next try.

        * ``attempts``: how many tries have failed before this one.
        * ``jitter``: from 0 to 1; the pause is between half (0) and all (1) of its nominal length.
        """
        # The exponent is bounded because attempts are not: 2**20 minutes exceed every useful ``longest``.
        pause = min(self.first << min(attempts, 20), self.longest)
        # Half of the pause is fixed, so that retries never come at once; the other half spreads the rows of many users
        # when a server that was down answers again.
        return pause // 2 + round(pause * jitter / 2)


@frozen(kw_only=True)
class Binding:
    """A remembered binding.

    * ``id``: the key of the row; random for an intent (a bind that is announced), derived for a binding.
    * ``user_id``: the user for whom the address is published.
    * ``id_server``: the identity server in its normal form, ``host[:port][/path]``.
    * ``threepid``: the medium and canonical address, for look-up; ``None`` for an intent whose address is unknown yet.
    * ``spelling``: the address as the identity server writes it, which an unbind must send (REQ-UNBIND-10); ``None``
      with ``threepid``.
    * ``created_at``: when the row was made, in ms.
    * ``bound_at``: when the identity server confirmed the bind, in ms; ``None`` while that is uncertain.
    * ``unwanted_since``: when the first unbind was asked for, in ms; ``None`` while the binding is wanted.
    * ``due_at``: when the next unbind may be sent, in ms; ``None`` if none is planned.
    * ``attempts``: how many unbinds have failed since the binding became unwanted.
    * ``revision``: the number of changes. A store replaces a row only by the one with the next revision.
    """

    id: str
    user_id: str
    id_server: str
    threepid: Threepid | None = None
    spelling: str | None = mask_field(default=None)
    created_at: int
    bound_at: int | None = None
    unwanted_since: int | None = None
    due_at: int | None = None
    attempts: int = 0
    revision: int = 0

    def known(self, threepid: Threepid, spelling: str) -> Binding:
        """Return the intent with the address that the identity server says its session has proved."""
        return self._next(threepid=threepid, spelling=spelling)

    def asked(self) -> Binding:
        """Return the binding after another bind whose outcome is unknown."""
        # The new revision alone matters: an unbind that was sent before this bind must not delete the row, since the
        # bind may have published the address again.
        return self._next()

    def bound(self, now: int) -> Binding:
        """Return the binding as confirmed by the identity server; an earlier unbind is no longer retried."""
        return self._next(bound_at=now, unwanted_since=None, due_at=None, attempts=0)

    def unwanted(self, now: int, until: int) -> Binding:
        """Return the binding as to be unbound, leased until ``until`` (ms) to the request that sends the unbind.

        After ``until`` the retry queue may send it as well.
        """
        # The first time stays, since it decides when retrying stops.
        return self._next(unwanted_since=self.unwanted_since or now, due_at=until)

    def lease(self, until: int) -> Binding:
        """Return the binding leased to one worker until ``until`` (ms); no other worker finds it due before."""
        return self._next(due_at=until)

    def wanted_again(self, before: Binding) -> Binding:
        """Return the binding with the schedule of ``before``, after the identity server refused the unbind."""
        return self._next(unwanted_since=before.unwanted_since, due_at=before.due_at, attempts=before.attempts)

    def again(self, now: int, retrying: Retrying, jitter: float) -> Binding:
        """Return the binding with the next retry planned, or without ``due_at`` once it is older than ``give_up``.

        * ``now``: the time in ms.
        * ``retrying``: the pauses.
        * ``jitter``: from 0 to 1, as ``Retrying.pause`` takes it.
        """
        due = now + retrying.pause(self.attempts, jitter)
        patient = now < (self.unwanted_since or now) + retrying.give_up
        return self._next(attempts=self.attempts + 1, due_at=due if patient else None)

    def _next(self, **changes: object) -> Binding:
        return attrs.evolve(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]
