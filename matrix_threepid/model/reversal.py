"""A reversal: what happened to an account in the last days, and who may take it back, as a value with pure rules.

The changes of an account that follow one another are taken back together. A reversal is opened before the first of them
with the addresses of the account as they stand then. It ends 72 hours after its last change. Changes join it for a week
after its first one; a later change opens a new one. Times are in ms of the wall clock. See SEC-57.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum

from attrs import evolve, field, frozen

from ..protocol.members import redacted
from .media import MEDIA
from .message import Change, MessageKind
from .threepid import AccountThreepid, Medium, Threepid, masked

OPEN_FOR = 72 * 3_600_000
"""The ms after its last change for which a reversal is open."""
OLD_ENOUGH = 7 * 24 * 3_600_000
"""The ms that an address must have been on the account to be trusted, and for which changes join a reversal."""
_SHOWN = 20
_GATHERED, _PACE = 60_000, 3_600_000


class ReversalState(str, Enum):
    """Where a reversal stands.

    * ``OPEN``: its changes can be taken back, while it lasts.
    * ``UNDONE``: they were taken back.
    * ``STOPPED``: a person or the host has ended its links.
    * ``GONE``: the account has ended; no new reversal follows as long as this one is stored.
    """

    OPEN = "open"
    UNDONE = "undone"
    STOPPED = "stopped"
    GONE = "gone"


@frozen(kw_only=True)
class Reversal:
    """The changes of one account that can be taken back together.

    * ``user_id``: the account; it has one reversal at most.
    * ``id``: 128 random bits, named in its links.
    * ``pepper_id``: the id of the pepper from which its tokens are derived.
    * ``state``: where it stands.
    * ``began_at``, ``last_at``: when its first and its last change were made.
    * ``before``: JSON of the addresses before the first change.
    * ``changes``: JSON of the last 20 changes: number, kind, masked address, time.
    * ``confirmed``: JSON of the removed addresses whose removal was confirmed; they are kept out.
    * ``locked``: JSON of the only addresses by which the password may be reset; empty for all.
    * ``expires_at``: when nothing of it counts any more; ``None`` until the owner has set a password.
    * ``revision``: the number of changes of the row; a store replaces a row only by one with the next revision.
    """

    user_id: str
    id: str
    pepper_id: str
    state: ReversalState
    began_at: int
    last_at: int
    before: str = field(repr=redacted)
    changes: str = field(default="[]", repr=redacted)
    confirmed: str = field(default="[]", repr=redacted)
    locked: str = field(default="", repr=redacted)
    expires_at: int | None
    revision: int = 0

    @classmethod
    def begun(
        cls, user_id: str, reversal_id: str, pepper_id: str, held: Sequence[AccountThreepid], now: int
    ) -> Reversal:
        """Return a reversal to an account as it stands now, without a change."""
        return cls(
            user_id=user_id,
            id=reversal_id,
            pepper_id=pepper_id,
            state=ReversalState.OPEN,
            began_at=now,
            last_at=now,
            before=json.dumps([_as_json(each) for each in held]),
            expires_at=now + OPEN_FOR,
        )

    # -- questions ----------------------------------------------------------------------------------

    def open(self, now: int) -> bool:
        """Whether the changes can be taken back."""
        return self.state is ReversalState.OPEN and now < self.last_at + OPEN_FOR

    def joins(self, now: int) -> bool:
        """Whether a change that is made now is taken back together with the earlier ones.

        So it is after an undo as well until the owner has set a password: a thief may still be at work, and the undo
        may not have come to its end.
        """
        unfinished = self.state is ReversalState.UNDONE and bool(self.locked)
        return unfinished or (self.open(now) and now < self.began_at + OLD_ENOUGH)

    @property
    def held(self) -> tuple[AccountThreepid, ...]:
        """The addresses that taking back restores: those before the first change, but no confirmed removal."""
        out = _threepids(self.confirmed)
        return tuple(each for each in map(_of_json, json.loads(self.before)) if each.threepid not in out)

    @property
    def trusted(self) -> tuple[AccountThreepid, ...]:
        """The mail addresses that get a link: on the account before the first change, and for a week then."""
        latest = self.began_at - OLD_ENOUGH
        return tuple(each for each in self.held if MEDIA[each.medium].notices and each.added_at <= latest)

    @property
    def kept_out(self) -> set[Threepid]:
        """The removed addresses whose removal was confirmed."""
        return _threepids(self.confirmed)

    @property
    def listed(self) -> tuple[Change, ...]:
        """The changes, the oldest first."""
        return tuple(Change(MessageKind(kind), concerns, at) for _, kind, concerns, at in json.loads(self.changes))

    @property
    def last_number(self) -> int:
        """The number of the change that was noted last."""
        return int(json.loads(self.changes)[-1][0])

    def confirmable(self, by: Threepid, current: Sequence[Threepid]) -> tuple[Threepid, ...]:
        """Return the removed addresses whose removal the holder of another one may confirm.

        * ``by``: an address; it is trusted, on the account now, and was on it at least as long as each of them.
        * ``current``: the addresses that are on the account now.
        """
        own = next((each for each in self.trusted if each.threepid == by), None)
        if own is None or by not in current:
            return ()
        away = (each for each in self.trusted if each.threepid not in current)
        return tuple(each.threepid for each in away if each.added_at >= own.added_at)

    def resets(self, threepid: Threepid) -> bool:
        """Whether the password may be reset by an address."""
        return not self.locked or threepid in _threepids(self.locked)

    def due_at(self, at: int) -> int:
        """Return when the mail about a change is sent: changes of a minute share one, later ones one an hour."""
        since = max(0, at - self.began_at - _GATHERED)
        return self.began_at + _GATHERED + -(-since // _PACE) * _PACE

    # -- changes ------------------------------------------------------------------------------------

    def with_change(self, kind: MessageKind, threepid: Threepid | None, now: int) -> Reversal:
        """Return the reversal with one more change, which prolongs it."""
        number = self.revision + 1
        noted = [*json.loads(self.changes), [number, kind.value, masked(threepid.address) if threepid else "", now]]
        last = max(now, self.last_at)
        return self._next(
            state=ReversalState.OPEN,
            changes=json.dumps(noted[-_SHOWN:]),
            last_at=last,
            expires_at=None if self.locked else last + OPEN_FOR,
        )

    def without_change(self, number: int) -> Reversal:
        """Return the reversal without a change that was not made after all; without any it is stopped."""
        left = [each for each in json.loads(self.changes) if each[0] != number]
        state = self.state if left or self.state is not ReversalState.OPEN else ReversalState.STOPPED
        return self._next(changes=json.dumps(left), state=state)

    def undone(self) -> Reversal:
        """Return the reversal as done: until a password is set, only the trusted addresses can reset it."""
        locked = json.dumps([[each.medium.value, each.address] for each in self.trusted])
        return self._next(state=ReversalState.UNDONE, locked=locked, expires_at=None)

    def with_confirmed(self, removed: Sequence[Threepid]) -> Reversal:
        """Return the reversal with removals confirmed."""
        known = {*_threepids(self.confirmed), *removed}
        return self._next(confirmed=json.dumps(sorted([each.medium.value, each.address] for each in known)))

    def ended(self, state: ReversalState, now: int) -> Reversal:
        """Return the reversal with its links and its lock ended."""
        return self._next(state=state, locked="", expires_at=now + OPEN_FOR)

    def unlocked(self, now: int) -> Reversal:
        """Return the reversal after the owner has set a password."""
        return self._next(locked="", expires_at=now + OPEN_FOR)

    def _next(self, **changes: object) -> Reversal:
        return evolve(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]


def _as_json(held: AccountThreepid) -> list[object]:
    return [held.medium.value, held.address, held.validated_at, held.added_at, held.spelling]


def _of_json(row: list[object]) -> AccountThreepid:
    medium, address, validated_at, added_at, spelling = row
    return AccountThreepid(
        medium=Medium(medium),
        address=address,  # type: ignore[arg-type]
        validated_at=validated_at,  # type: ignore[arg-type]
        added_at=added_at,  # type: ignore[arg-type]
        spelling=spelling,  # type: ignore[arg-type]
    )


def _threepids(text: str) -> set[Threepid]:
    return {Threepid(Medium(medium), address) for medium, address in json.loads(text or "[]")}
