"""Charge a message to every limit it meets, or none: over a limit nothing is looked up (SEC-26, decision 24)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import frozen

from ..events import LimitReached
from ..model.call import Call
from ..model.media import MEDIA
from ..model.msisdn import Plan
from ..model.threepid import Threepid
from ..policy import Limit
from ..roles.base import Role
from .counting import DAY, Counter, charge, charged, period, refuse, used
from .kept_quietly import gets_a_kept_one, granted_quietly
from .rate import NETWORK, address_parts, asker_of, blocks, is_owner, known_network, shared
from .sms import budgets_of, number_limits, prefix_limits, warn
from .toll import Toll


@frozen
class Sending:
    """What one message is charged to.

    * ``counters``: what is charged, once each.
    * ``charged``: whether it was charged already; if not, every counter had room a moment ago.
    * ``budgets``: of each budget of SMS its name, its counter, and its count with this message.
    * ``silent``: whether the request is answered like any other, and nothing is sent. Default ``False``.
    """

    counters: Sequence[Counter]
    charged: bool
    budgets: Sequence[tuple[str, Counter, int]] = ()
    silent: bool = False

    async def warn(self, role: Role) -> None:
        """Emit ``SmsBudgetUsed`` as ``sms.warn`` does; to be awaited once the message is charged."""
        for budget in self.budgets:
            await warn(role, *budget)


async def charge_sending(
    role: Role,
    call: Call,
    threepid: Threepid,
    plan: Plan | None,
    repeated: Callable[[], Awaitable[bool]],
    *,
    ahead: bool = False,
) -> Sending:
    """Charge one message to all its limits, or to none; return what was charged. Raises ``LimitExceeded``.

    * ``role``: gives policy and limiter.
    * ``call``: the call, for its client network and user.
    * ``threepid``: the address; its canonical form is the key, so that other spellings share the limit.
    * ``plan``: the place of a number in the numbering plan; ``None`` for what costs nothing.
    * ``repeated``: returns whether the request only repeats one whose message was sent, so that nothing will be sent
      and only the request itself is charged, to its network; asked if a limit refuses.
    * ``ahead``: ``True``: ask only, for a caller that charges in the transaction that stores the session. Default
      ``False``.

    What the address gets is charged in the first of several ways that has room: as a message of a stranger, whose
    number a day and rate are limited; as the first one of an asker on that day, since others who ask without pause use
    up the rate; and last from what is kept for the owner. With hidden addresses no answer may tell that a network has
    validated the address. So every network is granted as many more requests, and those of other networks send nothing.
    """
    asking = askers(role, call)
    budgets = {} if plan is None else budgets_of(role, plan.region)
    prefix = [] if plan is None else prefix_limits(role, plan)
    toll = None if plan is None else Toll(role, call, plan, [*prefix, *budgets.values()])
    costs = [] if plan is None else [*number_limits(role, threepid), *prefix, *budgets.values()]
    always = [*asking, *_apart(role, threepid), *costs]
    ways, blocked = _ways(role, call, threepid), blocks(role, threepid, call.client)

    async def wait_for(counters: Sequence[Counter]) -> int:
        return await (charged(role, [], [*counters, *blocked]) if ahead else charged(role, counters, blocked))

    if plan is None and not await wait_for([*always, *ways[0]]):
        return Sending([*always, *ways[0]], charged=not ahead)

    # An SMS is judged by its counts, and of a mail that was refused they tell which way has room: one more reading.
    judged = [] if toll is None else toll.counters
    known, owners = known_network(role, call, threepid), _owners(role, threepid)
    quiet = granted_quietly(role, call, owners)
    found = [*always, *blocked, *judged, *known, *owners, *quiet, *(each for way in ways for each in way)]
    counters = list(dict.fromkeys(found))
    counts = dict(zip(counters, await used(role, counters), strict=True))

    def wait(way: Sequence[Counter]) -> int:
        return max((each.wait(role, counts[each]) for each in way), default=0)

    # The first message of a day that an asker has to an address needs no rate, which others may have used up.
    way = ways[0] if any(counts[each] for each in ways[-1][1:]) else min(ways, key=wait)
    networks = [each for each in asking if each.kind == NETWORK]
    # Who is refused for other reasons looks nothing up.
    if (late := wait(way)) and owners and not wait([*always, *blocked]):
        mine = any(counts[each] for each in known) or await is_owner(role, call.user_id, threepid)
        way = owners if mine else quiet or way
    lane = [] if toll is None else await toll.lane(counts, wait)
    chosen = [*always, *way, *lane]
    silent = way is quiet

    async def repeats() -> bool:
        return not wait([*networks, *blocked]) and await repeated()

    again = silent and await repeats()
    # Ahead of the charge the counts that were just read are enough to see that all have room.
    over = 0 if again or (ahead and not wait([*chosen, *blocked])) else await wait_for(chosen)
    if again or (over and await repeats()):
        await charge(role, "send", networks)
        return Sending(networks, charged=True)
    if over:
        for name, budget in budgets.items():
            if budget.wait(role, counts[budget]):
                await warn(role, name, budget, counts[budget])
        refuse(role, _refusing(wait, {"sms budget": [*budgets.values()], "sms": costs, "sms share": lane}), over)
    if silent:
        role.emit(LimitReached("send", late))
        silent = not await gets_a_kept_one(role, call, threepid, owners)
    sending = Sending(chosen, not ahead, [(name, each, counts[each] + 1) for name, each in budgets.items()], silent)
    if sending.charged:
        await sending.warn(role)
    return sending


async def charge_invitation(role: Role, call: Call, threepid: Threepid) -> list[Counter]:
    """Charge the mail of an invitation to who asks and to the address; return what was charged.

    It counts among the messages of strangers that the address gets. Raises ``LimitExceeded``.
    """
    rules, (user_id, homeserver) = role.policy.invitations, asker_of(call)
    charged = [
        period("inviter", rules.per_sender, DAY, user_id),
        # Accounts are free at a homeserver of one's own.
        period("inviting homeserver", rules.per_homeserver, DAY, homeserver),
        period("inviting network", rules.per_network, DAY, call.client),
        *_apart(role, threepid),
        *_ways(role, call, threepid)[0],
    ]
    await charge(role, "invite", charged)
    return charged


def _refusing(wait: Callable[[Sequence[Counter]], int], limits: Mapping[str, Sequence[Counter]]) -> str:
    """Return the name of the first limits that have no room."""
    return next((name for name, counters in limits.items() if wait(counters)), "send")


def askers(role: Role, call: Call) -> list[Counter]:
    """Return what counts the messages that a client network and a user ask for."""
    limits, counters = role.policy.limits, list[Counter]()
    # A delegate is called by a homeserver, whose one address would use up the limit of a client for all its users.
    if role.sees_clients:
        counters.append(Counter(NETWORK, (call.client,), limits.per_client))
        for network, times in call.wider:
            per_client = limits.per_client
            wider = Limit(per_client.burst * times, per_client.per_second * times)
            counters.append(Counter(NETWORK, (network,), wider))
    if call.user_id is not None:
        counters.append(Counter("user", (call.user_id,), limits.per_user))
    return counters


def _apart(role: Role, threepid: Threepid) -> list[Counter]:
    """Return what keeps two messages to an address apart, whoever asks."""
    apart = role.policy.limits.pause
    return [Counter("apart", address_parts(threepid), Limit(1, 1000 / apart))] if apart else []


def _ways(role: Role, call: Call, threepid: Threepid) -> list[list[Counter]]:
    """Return the ways in which a stranger's message may be charged to an address, the usual one first."""
    if call.user_id is None and not role.sees_clients:
        return ways_to(role, threepid, None)
    # By the /48 of IPv6: one customer may have all of it, and would have not asked lately from any of its networks.
    return ways_to(role, threepid, f"user {call.user_id}" if call.user_id is not None else f"client {call.site}")


def ways_to(role: Role, threepid: Threepid, asker: str | None) -> list[list[Counter]]:
    """Return the ways in which a message may be charged to an address; ``asker``: who asks for it, if that is known."""
    parts, (anybody, _) = address_parts(threepid), _a_day(role, threepid)
    strangers = period("strangers", anybody, DAY, *parts)
    rate = Counter("address", parts, role.policy.limits.per_address)
    if asker is None:
        return [[strangers, rate]]
    # Whoever asks without pause leaves the other half of the day's messages to others.
    mine = period("stranger", max(anybody // 2, 3, min(anybody, role.policy.limits.at_once)), DAY, *parts, asker)
    return [[strangers, mine, rate], [strangers, mine]]


def _owners(role: Role, threepid: Threepid) -> list[Counter]:
    """Return what counts the messages that are kept for the owner; empty where none are."""
    parts, kept = address_parts(threepid), _a_day(role, threepid)[1]
    return (
        [period("owner", kept, DAY, *parts), Counter("owners", parts, role.policy.limits.per_address)] if kept else []
    )


def _a_day(role: Role, threepid: Threepid) -> tuple[int, int]:
    """Return the messages a day to an address that anybody has, and those that its owner has beside them."""
    limits = role.policy.limits
    if MEDIA[threepid.medium].costs:
        return shared(limits.sms(role.policy.sms.per_number), limits.sms_kept)
    return shared(limits.mails, limits.mails_kept)


def charged_to_address(role: Role, threepid: Threepid) -> list[Counter]:
    """Return what counts the messages to an address whoever asks, the part that is kept for its owner as well."""
    parts, (anybody, _) = address_parts(threepid), _a_day(role, threepid)
    strangers, rate = (
        period("strangers", anybody, DAY, *parts),
        Counter("address", parts, role.policy.limits.per_address),
    )
    return [*_apart(role, threepid), strangers, rate, *_owners(role, threepid)]
