"""What a request for a message to an address would come to now, in the order in which the request is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..flows.reversals import is_too_old, may_reset
from ..limits.room import Room, pauses_of
from ..model.media import MEDIA
from ..model.msisdn import Plan
from ..model.session import Session
from ..model.threepid import Purpose, Threepid
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from .causes import Cause
from .delivery_state import was_tried
from .explanation import Finding

_BARS = ("everybody", "strangers", "repeated")


def _purposes_of(role: Role) -> tuple[Purpose, ...]:
    """Return what sessions of a role can be opened for."""
    return (Purpose.ADD, Purpose.REGISTER, Purpose.PASSWORD) if isinstance(role, Homeserver) else (Purpose.BIND,)


async def open_sessions(role: Role, threepid: Threepid) -> list[Session]:
    """Return the sessions of an address that are not used or ended, whatever they are for."""
    return [each for purpose in _purposes_of(role) for each in await role.sessions.of_threepid(threepid, purpose)]


async def requests_now(
    role: Role,
    threepid: Threepid,
    plan: Plan | None,
    rooms: Sequence[Room],
    owner: str | None,
    held: Sequence[Finding] = (),
) -> list[Finding]:
    """Return what a request would come to now, for each purpose, and the limits that stand in its way.

    * ``role``: the role.
    * ``threepid``: the address.
    * ``plan``: the place of a number in the numbering plan; ``None`` for what costs nothing.
    * ``rooms``: the limits of the address.
    * ``owner``: the user id of the account that the address is on.
    * ``held``: what is held against the address; default nothing.
    """
    if off := role.medium_off(threepid.medium):
        return [_refused(each, Cause.MEDIUM_OFF, off) for each in _purposes_of(role)]
    found = [await _one(role, threepid, plan, owner, purpose) for purpose in _purposes_of(role)]
    back = next((each for each in held if each.cause is Cause.SUPPRESSED), None)
    if back is not None:
        tried = await was_tried(role, threepid)
        found = [_unless(back, tried, each) for each in found]
    sends = any(each.cause is None for each in found)
    return [*found, *_limits(role, rooms), *(await _paused(role, plan) if sends and plan is not None else ())]


def _unless(back: Finding, tried: bool, found: Finding) -> Finding:
    """Return what a request comes to whose address messages came back from, which is asked last.

    * ``back``: that they came back.
    * ``tried``: whether the message of today that tries the address was sent.
    """
    if found.cause is not None:
        return found
    what = "nothing would be sent" if tried else "one message would be sent, and no more today"
    return Finding(about=found.about, text=f"{what}: {back.text}", cause=back.cause, until=back.until)


async def _one(role: Role, threepid: Threepid, plan: Plan | None, owner: str | None, purpose: Purpose) -> Finding:
    if test := role.for_tests(threepid):
        return _refused(purpose, Cause.FOR_TESTS, f"it is an address for tests with a fixed code, until {test.until}")
    refused = next(_by_policy(role, threepid, plan, purpose), None)
    if refused is not None:
        return refused
    if not await role.rules.allows(threepid, purpose, None):
        return _refused(purpose, Cause.RULES_REFUSE, "the host's address rules refuse the address (M_THREEPID_DENIED)")
    return await _by_owner(role, threepid, owner, purpose)


def _by_policy(role: Role, threepid: Threepid, plan: Plan | None, purpose: Purpose) -> Iterator[Finding]:
    policy, resets = role.policy, MEDIA[threepid.medium].resets
    if purpose is Purpose.ADD and not policy.changes_enabled:
        yield _refused(purpose, Cause.CHANGES_OFF, "policy.changes_enabled is off")
    if purpose is Purpose.REGISTER and not policy.registration_enabled:
        yield _refused(purpose, Cause.REGISTRATION_OFF, "policy.registration_enabled is off")
    if purpose is Purpose.PASSWORD and resets is not None and not resets(policy):
        yield _refused(purpose, Cause.RESET_BY_PHONE_OFF, "policy.password_reset_by_phone is off")
    if plan is not None and plan.region not in policy.sms.countries:
        yield _refused(purpose, Cause.COUNTRY_OFF, f"policy.sms.countries has no {plan.region}")
    if plan is not None and not policy.sms.reaches(plan):
        yield _refused(purpose, Cause.KIND_REFUSED, f"numbers of the kind {plan.kind} get no SMS")


async def _by_owner(role: Role, threepid: Threepid, owner: str | None, purpose: Purpose) -> Finding:
    hidden = "; the answer hides it (policy.hide_known_addresses)" if role.policy.hide_known_addresses else ""
    if isinstance(role, Homeserver) and purpose is Purpose.PASSWORD:
        if owner is None:
            return _refused(purpose, Cause.ON_NO_ACCOUNT, f"no account has it (M_THREEPID_NOT_FOUND){hidden}")
        if await is_too_old(role, owner, threepid):
            text = f"it was proved too long ago to reset the password of {owner} (policy.addresses){hidden}"
            return _refused(purpose, Cause.PROVED_TOO_LONG_AGO, text)
        if not await may_reset(role, owner, threepid):
            text = f"after changes were taken back, only earlier addresses reset the password of {owner}{hidden}"
            return _refused(purpose, Cause.RESETS_LOCKED, text)
    elif owner is not None and not (purpose is Purpose.ADD and role.policy.addresses.release):
        return _refused(purpose, Cause.IN_USE, f"{owner} has it (M_THREEPID_IN_USE){hidden}")
    gate = "; the host's gate is asked before" if role.gate is not None else ""
    return Finding(about=purpose.value, text=f"a message would be sent where the limits have room{gate}")


def _refused(purpose: Purpose, cause: Cause, why: str) -> Finding:
    return Finding(about=purpose.value, text=f"nothing would be sent: {why}", cause=cause)


def _limits(role: Role, rooms: Sequence[Room]) -> list[Finding]:
    """Return whom used-up limits keep from a message, and until when."""
    who: dict[str, Callable[[Room], str]] = {
        "everybody": lambda room: f"nobody gets a message: {room.name}, {room.used} of {room.allowed}",
        "strangers": lambda room: f"only its owner gets a message: {room.name}, {room.used} of {room.allowed}",
        "repeated": lambda room: f"who had a message today gets no further one: {room.name}",
    }
    full = sorted((each for each in rooms if each.full and each.bars in _BARS), key=lambda room: _BARS.index(room.bars))
    return [
        Finding(
            about="limits",
            text=who[each.bars](each),
            cause=Cause.BUDGET_USED if each.name.startswith("budget") else Cause.LIMIT_REACHED,
            until=role.clock() + each.wait,
        )
        for each in full
    ]


async def _paused(role: Role, plan: Plan) -> list[Finding]:
    names = {"users": "callers with an access token", "others": "callers without an access token", "all": "all"}
    places = {"prefix": plan.prefix, "country": plan.region}
    return [
        Finding(
            about="limits",
            text=f"{pause.place} {places[pause.place]} gets few SMS of {names[pause.group]}: few codes came back today",
            cause=Cause.PAUSED,
            until=role.clock() + pause.sent.ends_in(role),
        )
        for pause in await pauses_of(role, plan)
    ]
