"""A session: the proof that a person can read what is sent to an address, as a value with pure rules.

    opened ──begin_send──▶ due ──sent/refused──▶ … ──validate──▶ validated ──claim──▶ claimed ──consume──▶ consumed

and from every state to ``ended``. States only move forward (SEC-106). Every rule about a session is a method here; a
store loads a session, and replaces it only if the stored revision has not changed since. Times are in ms of the wall
clock. See https://spec.matrix.org/latest/identity-service-api/#establishing-associations and decision 19.
"""

from __future__ import annotations

import attrs
from attrs import frozen

from .lifetimes import Lifetimes
from .media import MEDIA
from .message import MessageKind
from .session_fields import SessionFields
from .threepid import Purpose

CLOCK_TOLERANCE = 5 * 60_000
"""The ms by which the clock of a process may be behind the one that wrote a session."""
_NOTHING_DUE: dict[str, None] = {"due_attempt": None, "due_at": None, "charged": None, "untried": None}


@frozen(kw_only=True)
class Session(SessionFields):
    """One session: its fields, as ``SessionFields`` lists them, and the rules about them."""

    # -- questions ----------------------------------------------------------------------------------

    def alive(self, now: int) -> bool:
        """Whether the session can still be validated or used at the time ``now``."""
        # A clock that was set back by more than the tolerance must not revive sessions that have ended (SEC-108).
        latest = max(self.created_at, self.validated_at or 0)
        return not self.over and latest - CLOCK_TOLERANCE <= now < self.expires_at

    @property
    def over(self) -> bool:
        """Whether the session was consumed or ended."""
        return self.ended or self.consumed_at is not None

    def token_alive(self, now: int) -> bool:
        """Whether the token sent last may still be submitted."""
        return self.alive(now) and now < self.token_expires_at

    @property
    def has_link(self) -> bool:
        """Whether a link of this session can validate it."""
        return self.with_link or not self.code_digits

    def code_alive(self, now: int) -> bool:
        """Whether the code sent last may still be submitted, as far as its time goes."""
        return self.token_alive(now) and (not self.with_link or now < self.code_expires_at)

    def token_lifetime(self, lifetimes: Lifetimes) -> int:
        """The ms for which a message of this session can be used: its link, or its code if it has no link."""
        return lifetimes.token if self.has_link else lifetimes.code

    def code_lifetime(self, lifetimes: Lifetimes) -> int:
        """The ms for which a code of this session can be used after its sending."""
        return min(lifetimes.code, self.token_lifetime(lifetimes))

    def begun_at(self, lifetimes: Lifetimes) -> int:
        """When the last message was begun; for a notice, when there was something to tell."""
        return self.created_at if self.notice else self.token_expires_at - self.token_lifetime(lifetimes)

    @property
    def code_serial(self) -> int:
        """The number of the message whose code is valid: the one being sent, else the one handed over last."""
        # A refused message must not invalidate the code that the person received before it.
        return self.sent_serial if self.due_attempt is None else self.serial

    def message_kind(self, *, mail_unknown: bool) -> MessageKind:
        """What its message is about.

        * ``mail_unknown``: ``Policy.mail_unknown_addresses``.
        """
        if self.notice is not None:
            return MessageKind(self.notice)
        if not self.decoy:
            return MessageKind.TOKEN
        if not MEDIA[self.threepid.medium].notices:
            return MessageKind.SILENCE
        if self.purpose is not Purpose.PASSWORD:
            return MessageKind.IN_USE
        # Only who reads the mailbox learns that no account has the address: the answer is the same (SEC-27).
        return MessageKind.UNKNOWN_ADDRESS if mail_unknown else MessageKind.SILENCE

    @property
    def unaddressed(self) -> bool:
        """Whether it is a notice whose recipients are still to be found."""
        return self.notice is not None and self.concerns is None

    def in_flight(self, now: int) -> bool:
        """Whether a message is being sent, or was handed over with an outcome that was never written."""
        # Without ``due_at`` (SMS) the message is never sent again, so it counts as in flight for good.
        return self.due_attempt is not None and (self.due_at is None or now < self.due_at)

    @property
    def first_try(self) -> bool:
        """Whether the worker that has leased the session just now is the first since its message was put there."""
        return self.untried == self.revision - 1

    def held_by_other(self, claimant: str, now: int, lifetimes: Lifetimes) -> bool:
        """Whether another claimant has claimed the session, and the claim has not expired."""
        return self.claimed_by not in (None, claimant) and now < (self.claimed_at or 0) + lifetimes.claim

    def usable(self, purpose: Purpose, claimant: str, user_id: str | None, now: int, lifetimes: Lifetimes) -> bool:
        """Whether a claimant may use the session.

        * ``purpose``: the purpose it is needed for.
        * ``claimant``: ``user:`` and a user id, or ``uia:`` and a hash of a session's id, as ``claimed_by`` has it.
        * ``user_id``: the user for whom the claimant acts; ``None`` for a registration.
        * ``now``: the time in ms.
        * ``lifetimes``: the lifetimes of the policy.
        """
        # One expression with every condition: no caller can leave one out (SEC-1).
        return (
            self.alive(now)
            and self.validated_at is not None
            and self.purpose is purpose
            and self.owner in (None, user_id)
            and not self.held_by_other(claimant, now, lifetimes)
        )

    def served(self, claimant: str, now: int, lifetimes: Lifetimes) -> bool:
        """Whether ``claimant`` consumed the session no longer than ``Lifetimes.repeat`` ago (SEC-4)."""
        return (
            not self.ended
            and self.consumed_at is not None
            and self.claimed_by == claimant
            and now < self.consumed_at + lifetimes.repeat
        )

    # -- changes ------------------------------------------------------------------------------------

    def begin_send(self, attempt: int, now: int, due_at: int | None, lifetimes: Lifetimes) -> Session | None:
        """Return the session with a message written ahead of its sending; ``None`` if the attempt was sent before.

        * ``attempt``: the ``send_attempt`` of the request (REQ-SEND-1).
        * ``now``: the time in ms.
        * ``due_at``: when a worker may send the message: ``now`` for a deferred one, the end of the lease for one that
          is sent in the request; ``None`` for never.
        * ``lifetimes``: the lifetimes of the policy.
        """
        # With deferred sending a worker will send the stored message, so its attempt counts as begun. Without it a
        # message whose lease has ended was left by a process that crashed, and the same attempt may send it again.
        put_off = due_at is not None and due_at <= now
        flying = self.due_attempt if put_off or self.in_flight(now) else None
        if any(seen is not None and attempt <= seen for seen in (self.send_attempt, flying)):
            return None
        return self._begun(attempt, now, due_at, lifetimes)

    def _begun(self, attempt: int, now: int, due_at: int | None, lifetimes: Lifetimes) -> Session:
        # A new message has a new code, so its guesses start at 0; guesses for the address go on (SEC-24).
        return self._next(
            due_attempt=attempt,
            due_at=due_at,
            serial=self.serial + 1,
            guesses=0,
            token_expires_at=now + self.token_lifetime(lifetimes),
            code_expires_at=now + self.code_lifetime(lifetimes) if self.with_link else 0,
            charged=None,
            untried=None,
        )

    def kept_back(self) -> Session:
        """Return the session whose message was begun and is not sent, which looks to its client as if it were."""
        return attrs.evolve(self, send_attempt=self.due_attempt, **_NOTHING_DUE)  # type: ignore[arg-type]

    def waiting(self, charged: str | None) -> Session:
        """Return the session whose message was begun for a worker, with what its limits were charged."""
        return attrs.evolve(self, charged=charged, untried=self.revision)

    def send_again(self, now: int, due_at: int | None, lifetimes: Lifetimes) -> Session:
        """Return the session with one more message begun, whichever ``send_attempt`` was sent before.

        * ``now``, ``due_at``, ``lifetimes``: as for ``begin_send``.
        """
        # The attempts of the client stay what they are, so that its next one sends a message as well.
        known = [attempt for attempt in (self.send_attempt, self.due_attempt) if attempt is not None]
        return self._begun(max(known, default=0), now, due_at, lifetimes)

    def lease(self, until: int | None) -> Session:
        """Return the session with its message leased to one worker until ``until`` (ms); ``None``: for good."""
        return attrs.evolve(self, due_at=until, revision=self.revision + 1)

    def put_off(self, until: int) -> Session:
        """Return the session that a worker has leased, with its message due again at ``until`` (ms), not tried now."""
        return self._next(due_at=until, untried=self.revision + 1 if self.first_try else self.untried)

    def put_back(self, until: int, charged: str | None) -> Session:
        """Return the session whose message is due again at ``until`` (ms), since it was certainly not handed over.

        * ``charged``: what is to be charged before the next try.
        """
        return self._next(due_at=until, charged=charged, untried=self.revision + 1)

    def charge_again(self, until: int | None, charged: str | None) -> Session:
        """Return the session whose message is about to be tried again, leased until ``until`` (ms), as charged anew."""
        return self._next(due_at=until, charged=charged, untried=None)

    def sent(self) -> Session:
        """Return the session after its message was handed over, or may have been."""
        return self._after(self.send_attempt, self.due_attempt, sent_serial=self.serial)

    def unsent(self, *, hidden: bool = False) -> Session:
        """Return the session after its message was refused; the code of an earlier message stays valid.

        * ``hidden``: ``False`` (default): the same ``send_attempt`` sends again. ``True``: only a larger one does, as
          if the message had been handed over, so that the next answer does not tell of the refusal.
        """
        return self._after(self.send_attempt, self.due_attempt if hidden else None)

    def sent_before(self, earlier: Session) -> Session:
        """Return the session after the message of ``earlier`` was handed over, while a later one had already begun."""
        known = [attempt for attempt in (self.send_attempt, earlier.due_attempt) if attempt is not None]
        return self._next(send_attempt=max(known, default=None), sent_serial=max(self.sent_serial, earlier.serial))

    def guessed(self) -> Session:
        """Return the session with one more guess; stored before the guess is compared (SEC-25)."""
        return self._next(guesses=self.guesses + 1)

    def validate(self, now: int, lifetimes: Lifetimes) -> Session:
        """Return the session as validated at the time ``now``; a validated session is returned unchanged.

        * ``lifetimes``: the session ends ``validated`` ms from now, and ``total`` ms from its creation at the latest.
        """
        # The first time stays, so that submitting a token again prolongs nothing (REQ-SESS-4).
        if self.validated_at is not None:
            return self
        ends = min(now + lifetimes.validated, self.created_at + lifetimes.total)
        return self._next(validated_at=now, expires_at=ends)

    def claim(self, claimant: str, now: int) -> Session:
        """Return the session reserved for ``claimant``: ``user:`` and a user id, or ``uia:`` and a hash of an id."""
        return self._next(claimed_by=claimant, claimed_at=now)

    def claim_until_end(self, claimant: str) -> Session:
        """Return the session reserved for ``claimant`` for as long as it lives; unchanged if it is so already.

        For a host that is about to act: if it stops before it can consume the session, nobody else may use the session.
        """
        if self.claimed_by == claimant and self.claimed_at == self.expires_at:
            return self
        return self._next(claimed_by=claimant, claimed_at=self.expires_at)

    def release(self) -> Session:
        """Return the session without its claim; a session that is over is returned unchanged."""
        return self if self.over else self._next(claimed_by=None, claimed_at=None)

    def consume(self, now: int, claimant: str | None = None) -> Session:
        """Return the session as used up at the time ``now``; its slot becomes free for a new session.

        * ``claimant``: for whom, where the claim may have been released meanwhile; default who has claimed it.
        """
        return self._next(claimed_by=claimant or self.claimed_by, consumed_at=now, slot=None, **_NOTHING_DUE)

    def end(self) -> Session:
        """Return the session as ended, whatever its state; its slot becomes free for a new session."""
        return self._next(ended=True, slot=None, **_NOTHING_DUE)

    def _after(self, *attempts: int | None, **changes: int) -> Session:
        """Return the session with nothing due, after messages of these attempts."""
        # The largest attempt, not the latest: 2, 1, 2 must send two messages and not three (REQ-SEND-1).
        known = [attempt for attempt in attempts if attempt is not None]
        return self._next(send_attempt=max(known, default=None), **_NOTHING_DUE, **changes)

    def _next(self, **changes: object) -> Session:
        # What else happens to a session says nothing of the message that waits.
        if self.untried == self.revision:
            changes = {"untried": self.revision + 1, **changes}
        return attrs.evolve(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]
