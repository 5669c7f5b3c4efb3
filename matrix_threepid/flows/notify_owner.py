"""Security notices: the other addresses of an account are told when something about it changed.

A notice holds no link that acts, its failure changes nothing, and together they take little time.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..limits.rate import key_of
from ..model.message import MessageKind, TokenMessage
from ..model.threepid import AccountThreepid, Medium, Purpose, Threepid, masked
from ..policy import per_day
from ..ports import Charge
from ..protocol.errors import Unavailable
from ..roles.homeserver import Homeserver

_MOST = 5
_TIME = 5_000
_A_DAY = per_day(20)
_PURPOSES = {
    MessageKind.ADDED: Purpose.ADD,
    MessageKind.REMOVED: Purpose.ADD,
    MessageKind.PASSWORD_CHANGED: Purpose.PASSWORD,
}


async def notify_owner(hs: Homeserver, user_id: str, kind: MessageKind, changed: Threepid) -> None:
    """Tell the mail addresses of an account, all but ``changed``, what happened; see ``Policy.notices``."""
    if not hs.policy.notices or hs.medium_off(Medium.EMAIL) is not None:
        return
    until = hs.clock() + _TIME
    for held in _others(await hs.accounts.list(user_id), changed):
        left = until - hs.clock()
        if left > 0 and await _may(hs, held):
            await hs.senders[Medium.EMAIL].send(_notice(hs, user_id, kind, changed, held, left))


def _others(listed: Iterable[AccountThreepid], changed: Threepid) -> list[AccountThreepid]:
    return [held for held in listed if held.medium is Medium.EMAIL and held.threepid != changed][:_MOST]


async def _may(hs: Homeserver, held: AccountThreepid) -> bool:
    """Whether this address gets another notice today; without the store it does not, for the change is made already."""
    try:
        return not await hs.limiter.charge([Charge(key_of(hs, "notice", held.address), _A_DAY)], hs.clock())
    except Unavailable:
        return False


def _notice(
    hs: Homeserver, user_id: str, kind: MessageKind, changed: Threepid, held: AccountThreepid, deadline: int
) -> TokenMessage:
    return TokenMessage(
        medium=Medium.EMAIL,
        recipient=held.spelling or held.address,
        purpose=_PURPOSES[kind],
        kind=kind,
        account=user_id,
        concerns=masked(changed.address),
        language=hs.policy.languages[0],
        requested_at=hs.clock(),
        lifetime=0,
        deadline=deadline,
    )
