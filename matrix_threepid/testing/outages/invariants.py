"""What must hold in every outage; each is said once, here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...model.threepid import Medium
from ...policy import Policy
from .faults import PATIENCE, Fault, Outage, Part
from .people import Person
from .steps import BELIEVES, DONE, INTERACTIVE, USES, Step, needs
from .town import Answered, Town

BEGINS, ENDS = 10.0, 70.0
"""The s at which an outage begins and ends: it lasts for a minute."""
RECOVERED = 75.0
"""The s after the end of an outage from which every request succeeds: a circuit stays open for a minute."""
SLOWER = 3.0
"""How much longer a request may take that needs nothing of what fails."""
_DAY = 86_400_000
_OUTAGE = frozenset({429, 502, 503, 504})
_UNSENT = frozenset({"M_EMAIL_SEND_ERROR", "M_SEND_ERROR"})
"""What the identity API has for a message that could not be sent, with status 400."""
_LIED_TO = frozenset({400, 401, 403})


def ended(people: Sequence[Person], lives: Sequence[asyncio.Task[None]]) -> Iterator[str]:
    """Yield who did not get what they wanted."""
    for person, life in zip(people, lives, strict=True):
        if not life.done():
            yield f"{person.user} is not done; last: {person.last}"
            life.cancel()
        elif (error := life.exception()) is not None:
            yield f"{person.user}: {error!r}"


async def left(town: Town) -> list[str]:
    """Return what is still to be done: messages and unbinds."""
    found, later = list[str](), town.now() + _DAY
    for role in (town.homeserver, town.identity_server):
        for medium in Medium:
            due = await role.sessions.lease_due(later, later + _DAY, medium)
            if due is not None:
                found.append(f"a message of {role.server_name} by {medium.value} is still to be sent")
    if await town.homeserver.bindings.lease_due(later, later + _DAY, ()) is not None:
        found.append("an unbind is still to be sent")
    return found


async def kept(people: Iterable[Person]) -> list[str]:
    """Return what was promised to people and is not so, and what is published without being remembered."""
    found = list[str]()
    for person in people:
        town = person.town
        held = {each.threepid for each in await town.homeserver.accounts.list(person.user)}
        if person.added is not None and person.added is not bool(held):
            found.append(f"{person.user}: the account has {len(held)} addresses")
        association = await town.identity_server.associations.get(person.mail)
        if person.published is not None and person.published is not (association is not None):
            found.append(f"{person.user}: published is {association is not None}")
        keeper = town.homeserver.keeper
        if person.password and keeper and not await keeper.password_fits(person.user, person.password):
            found.append(f"{person.user}: the password is another")
        if association is not None and not await town.homeserver.bindings.of_user(person.user):
            found.append(f"{person.user}: published without being remembered")
    return found


def texted_once(town: Town) -> list[str]:
    """Return which codes were sent twice by SMS."""
    codes = [(message.recipient, message.code) for message in town.senders[Medium.MSISDN].handed]
    return [f"a code went twice to {recipient}" for recipient, code in set(codes) if codes.count((recipient, code)) > 1]


def deadline(step: Step, policy: Policy) -> float:
    """Return the s within which a step must be answered: as long as the parts may take for which it waits."""
    waits_for = {*needs(step, policy), *USES.get(step, ())}
    seconds = 2 * PATIENCE
    if waits_for & {Part.MAIL, Part.SMS}:
        seconds += policy.send_deadline / 1000
    if waits_for & {Part.IDENTITY, Part.KEYS, Part.DNS}:
        seconds += policy.identity_deadline / 1000
    return seconds


def answered(
    answers: Iterable[Answered], outage: Outage, normal: Mapping[Step, float] | None, policy: Policy
) -> Iterator[str]:
    """Yield the answers that must not be.

    * ``normal``: the longest time of each step, in s, without an outage; ``None`` while that is what is measured.
    """
    for each in answers:
        step = Step(each.step)
        needed, used = outage.keys() & needs(step, policy), outage.keys() & USES.get(step, ())
        # A server that lies may refuse what could be done without it.
        fails = needed | {part for part in BELIEVES.get(step, ()) if outage.get(part) is Fault.LYING}
        good = each.status in DONE or (step in INTERACTIVE and each.status == 401)
        meets = bool(fails) and each.at < ENDS + RECOVERED and each.at + each.took >= BEGINS
        if each.status == 500:
            yield f"500: {each}"
        if each.took > deadline(step, policy):
            yield f"after its deadline: {each}"
        if not good and not meets:
            yield f"nothing that it needs fails: {each}"
        if not good and all(outage[part] is Fault.SLOW for part in fails):
            yield f"slow is no failure: {each}"
        said = each.status in _OUTAGE or each.says in _UNSENT
        lied_to = any(outage[part] is Fault.LYING for part in fails) and each.status in _LIED_TO
        if not good and not said and not lied_to:
            yield f"the client is blamed: {each}"
        if normal is not None and not needed | used and each.took > SLOWER * normal[step] + 0.001:
            yield f"slower than {SLOWER} times {normal[step]:.3f} s: {each}"
