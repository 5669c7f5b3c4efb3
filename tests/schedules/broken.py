"""Ports that are broken on purpose, each in one way that shows only where calls meet, fail or are cut off."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from attrs import evolve, frozen
from stores.broken.accounts import RemovesAnybodys, TakesOver
from stores.broken.bindings import ForgetsAnyRevision, PurgesWhatIsKnown
from stores.broken.limits import ForgetsCountsInUse, ForgetsEverybody
from stores.broken.sessions import IgnoresTheRevision, LetsTheLastOpenWin

from matrix_threepid import AccountThreepid, AddOutcome, Medium, Threepid
from matrix_threepid.memory.bindings import MemoryBindings
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.model.binding import Binding
from matrix_threepid.model.media import MEDIA
from matrix_threepid.model.session import Session
from matrix_threepid.ports import Charge
from matrix_threepid.testing import FakeAccounts, World, turn


class OpensInTwoSteps(MemorySessions):
    async def open(self, session: Session) -> Session:
        holder = await self.find(session.slot or "")
        await turn()
        if holder is None:
            self._put(session)
        return holder or session


class ReplacesInTwoSteps(MemorySessions):
    async def replace(self, session: Session) -> bool:
        stored = await self.get(session.sid)
        await turn()
        if stored is None or stored.revision + 1 != session.revision:
            return False
        self._drop(self._by_sid[session.sid])
        self._put(session)
        return True


class TakesInTwoSteps(MemorySessions):
    async def lease_due(self, now: int, until: int, medium: Medium) -> Session | None:
        ours = [each for each in self.dump() if each.threepid.medium is medium]
        waiting = [each for each in ours if each.due_at is not None and each.due_at <= now]
        found = min(waiting, key=lambda each: each.due_at or 0, default=None)
        await turn()
        if found is not None:
            self._put(found.lease(until))
        return found and found.lease(until)


class FindsAnothersSlot(MemorySessions):
    async def open(self, session: Session) -> Session:
        held = await self.of_threepid(session.threepid, session.purpose)
        return held[0] if held else await super().open(session)


class ForgetsThatItServed(MemorySessions):
    async def replace(self, session: Session) -> bool:
        return await super().replace(evolve(session, consumed_at=None))


class ForgetsTheLastChange(MemorySessions):
    """Has the last change in memory only."""

    def __init__(self) -> None:
        super().__init__()
        self._before: Session | None = None

    async def replace(self, session: Session) -> bool:
        self._before = await self.get(session.sid)
        return await super().replace(session)

    def crash(self) -> None:
        if self._before is not None and self._before.sid in self._by_sid:
            self._drop(self._by_sid[self._before.sid])
            self._put(self._before)


class ForgetsWhatIsNew(MemorySessions):
    """Has what was opened last in memory only."""

    def __init__(self) -> None:
        super().__init__()
        self._newest: Session | None = None

    async def open(self, session: Session) -> Session:
        holder = await super().open(session)
        self._newest = session if holder is session else self._newest
        return holder

    async def replace(self, session: Session) -> bool:
        self._newest = None
        return await super().replace(session)

    def crash(self) -> None:
        if self._newest is not None and self._newest.sid in self._by_sid:
            self._drop(self._newest)


class LooksThenAdds(FakeAccounts):
    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        owner = await self.owner(threepid.threepid)
        await turn()
        if owner is None:
            self.on.append((user_id, threepid))
            return AddOutcome.ADDED
        return AddOutcome.ALREADY_YOURS if owner.user_id == user_id else AddOutcome.TAKEN


class ForgetsAnAddress(FakeAccounts):
    """Has what was added last in memory only."""

    def crash(self) -> None:
        self.on = self.on[:-1]


class CountsNothing(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        return 0


class ForgetsCounts(MemoryLimits):
    """Has its counts in memory only."""

    def crash(self) -> None:
        self._full_at.clear()


class CountsInTwoSteps(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        read = dict(self._full_at)
        await turn()
        self._full_at = read
        return await super().charge(charges, now)


class ForgetsInserts(MemoryBindings):
    """Has what was inserted last in memory only."""

    def __init__(self) -> None:
        super().__init__()
        self._newest = ""

    async def insert(self, binding: Binding) -> bool:
        self._newest = binding.id
        return await super().insert(binding)

    def crash(self) -> None:
        self._rows.pop(self._newest, None)


class SaysItRemoved(FakeAccounts):
    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        return any(user == user_id and held.threepid == threepid for user, held in self.on)


@frozen
class Planted:
    """One broken port: what it is called in ``Homeserver``, and how it is made."""

    port: str
    make: Callable[[], Any]

    def world(self, policy: Mapping[str, Any]) -> World:
        """Return a world with the broken port."""
        return World(policy, **{self.port: self.make()})

    def restart(self, world: World) -> None:
        """Let the port lose what it does when the process dies."""
        crash = getattr(getattr(world.homeserver, self.port), "crash", None)
        if crash is not None:
            crash()


PLANTED = tuple(
    Planted(port, broken)
    for port, kinds in {
        "sessions": (
            IgnoresTheRevision,
            LetsTheLastOpenWin,
            OpensInTwoSteps,
            ReplacesInTwoSteps,
            TakesInTwoSteps,
            FindsAnothersSlot,
            ForgetsThatItServed,
            ForgetsTheLastChange,
            ForgetsWhatIsNew,
        ),
        "accounts": (TakesOver, RemovesAnybodys, LooksThenAdds, ForgetsAnAddress, SaysItRemoved),
        "limiter": (CountsNothing, ForgetsCounts, CountsInTwoSteps, ForgetsEverybody, ForgetsCountsInUse),
        "bindings": (ForgetsAnyRevision, PurgesWhatIsKnown, ForgetsInserts),
    }.items()
    for broken in kinds
)


_usable = Session.usable


def _without(**ignored: Any) -> Callable[..., bool]:
    """Return ``Session.usable`` for a session that is as ``ignored`` says."""
    return lambda self, *values: _usable(evolve(self, **ignored), *values)


def _for_any_purpose(self: Session, _: Any, *values: Any) -> bool:
    return _usable(self, self.purpose, *values)


@frozen
class Spoiled:
    """One broken rule of the library: what is put in the place of what, and the invariant that tells.

    ``flow``: whose pairs of calls show it, where random schedules hardly ever do.
    """

    name: str
    of: Any  # a class, or a dict whose entry `member` is
    member: str
    instead: Any
    rule: str
    flow: str = ""

    def spoil(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Break the rule."""
        if isinstance(self.of, type):
            monkeypatch.setattr(self.of, self.member, self.instead)
        else:
            monkeypatch.setitem(self.of, self.member, self.instead)


_PROVED, _SERVED = "an address is added by its proof only", "a session serves once"
# A claim gives the session its owner, so a claim by another user takes it from the owner it has.
_FORWARD = "states go forward"
SPOILED = (
    Spoiled("needs no token", Session, "usable", _without(validated_at=1), _PROVED),
    Spoiled("serves any user", Session, "usable", _without(owner=None), _FORWARD),
    Spoiled("serves any purpose", Session, "usable", _for_any_purpose, _FORWARD),
    Spoiled("is never used up", Session, "consume", lambda self, *_: self, _SERVED),
    Spoiled("is claimed by many", Session, "held_by_other", lambda *_: False, _SERVED, flow="reset"),
    Spoiled("texts again", MEDIA, Medium.MSISDN, evolve(MEDIA[Medium.MSISDN], resendable=True), "one SMS an attempt"),
)
