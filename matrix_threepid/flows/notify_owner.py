"""Security notices: mails to the other addresses of an account after a change of the account (SEC-56).

A notice holds no link that changes anything (decision 37), its failure changes nothing, and all notices of a change
share one short deadline.
"""

from __future__ import annotations

from ..limits.rate import key_of
from ..model.media import MEDIA
from ..model.message import MessageKind, TokenMessage
from ..model.threepid import AccountThreepid, Purpose, Threepid, masked
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
    """Send a notice to the addresses of an account other than ``changed``, if ``Policy.notices`` is on."""
    media = [medium for medium, row in MEDIA.items() if row.notices and hs.medium_off(medium) is None]
    if not hs.policy.notices or not media:
        return
    until = hs.clock() + _TIME
    listed = await hs.accounts.list(user_id)
    for held in [held for held in listed if held.medium in media and held.threepid != changed][:_MOST]:
        left = until - hs.clock()
        if left > 0 and await _may(hs, held):
            await hs.senders[held.medium].send(_notice(hs, user_id, kind, changed, held, left))


async def _may(hs: Homeserver, held: AccountThreepid) -> bool:
    """Whether this address may get another notice today; ``False`` while the store of limits is unavailable."""
    try:
        return not await hs.limiter.charge([Charge(key_of(hs, "notice", held.address), _A_DAY)], hs.clock())
    except Unavailable:
        return False


def _notice(
    hs: Homeserver, user_id: str, kind: MessageKind, changed: Threepid, held: AccountThreepid, deadline: int
) -> TokenMessage:
    return TokenMessage(
        medium=held.medium,
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
