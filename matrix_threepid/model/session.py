"""A session: the proof that somebody can read what is sent to an address, as a value with pure rules.

    opened ──begin_send──▶ due ──sent/refused──▶ … ──validate──▶ validated ──claim──▶ claimed ──consume──▶ consumed

and from anywhere to ``ended``. Stores load sessions and swap them when the revision still fits;
every rule about a session is a method here. States only move forward. Times are wall-clock ms.
"""

from __future__ import annotations

import attrs
from attrs import field, frozen

from ..protocol.members import redacted
from .threepid import Purpose, Threepid, mask_field

CLOCK_TOLERANCE = 5 * 60_000


@frozen(kw_only=True)
class Lifetimes:
    """How long things live, in ms.

    ``token``: a link after it was sent; ``code``: a code; ``session``: a session nobody validated;
    ``validated``: a session after its validation; ``total``: any session after its creation;
    ``claim``: how long one claimant keeps others out; ``repeat``: how long an answer that got lost may be asked again.
    """

    token: int = 3_600_000
    code: int = 600_000
    session: int = 86_400_000
    validated: int = 3_600_000
    total: int = 86_400_000
    claim: int = 600_000
    repeat: int = 600_000


IDENTITY_LIFETIMES = Lifetimes(token=86_400_000, validated=86_400_000, total=172_800_000)
"""What the identity API prescribes: 24 h after creation, and again after validation."""


@frozen(kw_only=True)
class Session:
    """One session. ``revision`` rises with every change; stores swap only the next one in.

    ``slot``: MAC that lets the same request find its session again, ``None`` once the session is over;
    ``owner``: the user the request was made by, if it carried an access token;
    ``code_digits``: 0 when a link is sent; ``serial``: how many messages were begun,
    ``sent_serial``: which of them was handed over last;
    ``send_attempt``: largest attempt handed over, ``due_attempt``: one written ahead of its sending, free to be
    taken up (again) from ``due_at`` on, or never when that is ``None``;
    ``decoy``: nothing can validate it; its address must not learn, or must be told, why.
    """

    sid: str
    purpose: Purpose
    threepid: Threepid
    spelling: str = mask_field()
    owner: str | None = None
    pepper_id: str
    secret_mac: str = field(repr=redacted)
    slot: str | None = field(repr=redacted)
    code_digits: int = 0
    created_at: int
    expires_at: int
    token_expires_at: int = 0
    send_attempt: int | None = None
    due_attempt: int | None = None
    due_at: int | None = None
    serial: int = 0
    sent_serial: int = 0
    guesses: int = 0
    validated_at: int | None = None
    claimed_by: str | None = None
    claimed_at: int | None = None
    consumed_at: int | None = None
    ended: bool = False
    decoy: bool = False
    next_link: str | None = field(default=None, repr=redacted)
    language: str = "en"
    origin: str = field(default="", repr=redacted)
    client_mac: str = field(default="", repr=redacted)
    revision: int = 0

    # -- questions ----------------------------------------------------------------------------------

    def alive(self, now: int) -> bool:
        """Whether the session can still come to something; not while the clock is behind what has happened."""
        latest = max(self.created_at, self.validated_at or 0)
        return not self.over and latest - CLOCK_TOLERANCE <= now < self.expires_at

    @property
    def over(self) -> bool:
        """Whether the session has served, or was called off."""
        return self.ended or self.consumed_at is not None

    def token_alive(self, now: int) -> bool:
        """Whether the token sent last may still be submitted."""
        return self.alive(now) and now < self.token_expires_at

    def token_lifetime(self, lifetimes: Lifetimes) -> int:
        """How long what is sent lives, in ms: a code can be guessed, a link cannot."""
        return lifetimes.code if self.code_digits else lifetimes.token

    @property
    def code_serial(self) -> int:
        """Which message's code is the good one: of the one under way, else of the one handed over last."""
        return self.sent_serial if self.due_attempt is None else self.serial

    def in_flight(self, now: int) -> bool:
        """Whether a message is being sent, or was handed over with an unknown outcome."""
        return self.due_attempt is not None and (self.due_at is None or now < self.due_at)

    def held_by_other(self, claimant: str, now: int, lifetimes: Lifetimes) -> bool:
        """Whether somebody else has claimed the session and may still act on it."""
        return self.claimed_by not in (None, claimant) and now < (self.claimed_at or 0) + lifetimes.claim

    def usable(self, purpose: Purpose, claimant: str, user_id: str | None, now: int, lifetimes: Lifetimes) -> bool:
        """Whether ``claimant``, acting for ``user_id``, may use the proof for ``purpose``."""
        return (
            self.alive(now)
            and self.validated_at is not None
            and self.purpose is purpose
            and self.owner in (None, user_id)
            and not self.held_by_other(claimant, now, lifetimes)
        )

    def served(self, claimant: str, now: int, lifetimes: Lifetimes) -> bool:
        """Whether ``claimant`` spent the session so recently that the answer may have been lost."""
        return (
            not self.ended
            and self.consumed_at is not None
            and self.claimed_by == claimant
            and now < self.consumed_at + lifetimes.repeat
        )

    # -- changes ------------------------------------------------------------------------------------

    def begin_send(self, attempt: int, now: int, due_at: int | None, lifetimes: Lifetimes) -> Session | None:
        """Write down that ``attempt`` is about to be sent, or return ``None`` if it (or a later one) was."""
        # What is put off is sent by a worker, so what waits for one has begun; else it is a crash's left-over.
        put_off = due_at is not None and due_at <= now
        flying = self.due_attempt if put_off or self.in_flight(now) else None
        if any(seen is not None and attempt <= seen for seen in (self.send_attempt, flying)):
            return None
        return self._next(
            due_attempt=attempt,
            due_at=due_at,
            serial=self.serial + 1,
            guesses=0,
            token_expires_at=now + self.token_lifetime(lifetimes),
        )

    def lease(self, until: int | None) -> Session:
        """Let one worker have the message that is due, until its lease ends (``None``: for good)."""
        return self._next(due_at=until)

    def sent(self) -> Session:
        """The message was handed over, or nobody can know whether it was."""
        known = [attempt for attempt in (self.send_attempt, self.due_attempt) if attempt is not None]
        return self._next(send_attempt=max(known, default=None), sent_serial=self.serial, due_attempt=None, due_at=None)

    def unsent(self) -> Session:
        """The message was refused: the client's retry with the same attempt sends, and an older code stays good."""
        return self._next(due_attempt=None, due_at=None)

    def sent_before(self, earlier: Session) -> Session:
        """An earlier message was handed over after a later one had begun."""
        known = [attempt for attempt in (self.send_attempt, earlier.due_attempt) if attempt is not None]
        return self._next(send_attempt=max(known, default=None), sent_serial=max(self.sent_serial, earlier.serial))

    def guessed(self) -> Session:
        """Count one guess, before it is compared."""
        return self._next(guesses=self.guesses + 1)

    def validate(self, now: int, lifetimes: Lifetimes) -> Session:
        """The token came back. The time of the first validation stays."""
        if self.validated_at is not None:
            return self
        ends = min(now + lifetimes.validated, self.created_at + lifetimes.total)
        return self._next(validated_at=now, expires_at=ends)

    def claim(self, claimant: str, now: int) -> Session:
        """Reserve the proof for one claimant: ``user:`` and a user id, or ``uia:`` and a session of the host's UIA."""
        return self._next(claimed_by=claimant, claimed_at=now)

    def release(self) -> Session:
        """Give the claim back: what it was for did not come to pass. Who has spent the session keeps it."""
        return self if self.over else self._next(claimed_by=None, claimed_at=None)

    def consume(self, now: int) -> Session:
        """The proof has served; its slot is free for a new session."""
        return self._next(consumed_at=now, slot=None, due_attempt=None, due_at=None)

    def end(self) -> Session:
        """Call the session off."""
        return self._next(ended=True, slot=None, due_attempt=None, due_at=None)

    def _next(self, **changes: object) -> Session:
        return attrs.evolve(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]
