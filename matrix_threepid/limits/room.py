"""How much of each limit is used and when it has room again: counts are read, and nothing is charged or written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from ..model.media import MEDIA
from ..model.msisdn import Plan
from ..model.threepid import Threepid
from ..roles.base import Role
from .counting import Counter, used
from .guesses import guesses_of
from .rate import charged_to_user
from .sending import charged_to_address
from .sms import budgets_of, number_limits, prefix_limits
from .toll import Pause, pauses, strangers_share


@frozen
class Room:
    """One limit as it stands.

    * ``name``: what is counted, in words.
    * ``used``: the charges that are used now.
    * ``allowed``: the charges that are granted at once, or in the period of the clock.
    * ``wait``: the ms until one more is granted, with others counted on; 0 for now.
    * ``bars``: whom a used-up limit keeps from a message: ``everybody``, ``strangers`` (callers who do not own the
      address), ``repeated`` (callers who had one today), or ``nobody``, for limits that are no limits of messages.
    """

    name: str
    used: int
    allowed: int
    wait: int
    bars: str

    @property
    def full(self) -> bool:
        """Whether nothing more is granted now."""
        return self.wait > 0


_Named = tuple[str, str, Counter]
"""The name of a limit, whom it bars, and its counter."""


async def room_of_address(role: Role, threepid: Threepid, plan: Plan | None) -> list[Room]:
    """Return the limits that a message to an address meets whoever asks, and those of guesses of its codes.

    * ``role``: gives policy and limiter.
    * ``threepid``: the address.
    * ``plan``: the place of a number in the numbering plan; ``None`` for what costs nothing.
    """
    return await _rooms(role, [*_of_address(role, threepid), *_of_sms(role, threepid, plan), *_guesses(role, threepid)])


async def room_of_user(role: Role, user_id: str) -> list[Room]:
    """Return the limits of a user."""
    return await _rooms(role, [(name, "nobody", each) for name, each in charged_to_user(role, user_id).items()])


async def pauses_of(role: Role, plan: Plan) -> Sequence[Pause]:
    """Return where few of the SMS to a number's prefix and country led to a code that was submitted."""
    found, shares = pauses(role, plan), [each for pause in pauses(role, plan) for each in (pause.sent, pause.validated)]
    counts = dict(zip(shares, await used(role, shares), strict=True))
    return [pause for pause in found if pause.holds(role, counts)]


def _of_address(role: Role, threepid: Threepid) -> Iterator[_Named]:
    what = "SMS to the number" if MEDIA[threepid.medium].costs else "mails to the address"
    names = {
        "apart": (f"{what}: pause between two", "everybody"),
        "strangers": (f"{what} today, for anybody", "strangers"),
        "address": (f"{what}: rate", "repeated"),
        "owner": (f"{what} today, kept for the owner", "nobody"),
        "owners": (f"{what}: rate of the owner", "nobody"),
    }
    for counter in charged_to_address(role, threepid):
        yield (*names[counter.kind], counter)


def _of_sms(role: Role, threepid: Threepid, plan: Plan | None) -> Iterator[_Named]:
    if plan is None:
        return
    prefix, budgets = prefix_limits(role, plan), budgets_of(role, plan.region)
    for counter in number_limits(role, threepid):
        yield "SMS to the number: rate", "everybody", counter
    for counter in prefix:
        yield "SMS to numbers that begin alike", "everybody", counter
    for name, counter in budgets.items():
        yield f"budget of SMS: {name}", "everybody", counter
    for counter in strangers_share(role, [*prefix, *budgets.values()]):
        yield "share of SMS for callers without an access token", "strangers", counter


def _guesses(role: Role, threepid: Threepid) -> Iterator[_Named]:
    anybody, owner = guesses_of(role, threepid)
    yield "guesses of codes today, for anybody", "nobody", anybody
    if owner is not None:
        yield "guesses of codes today, kept for the owner", "nobody", owner


async def _rooms(role: Role, named: Sequence[_Named]) -> list[Room]:
    counts: Mapping[Counter, int] = dict(
        zip([each for *_, each in named], await used(role, [each for *_, each in named]), strict=True)
    )
    return [
        Room(name, counts[each], each.limit.burst, each.wait(role, counts[each]), bars) for name, bars, each in named
    ]
