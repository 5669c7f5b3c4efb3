"""Toll fraud: what strangers may use of the SMS that are paid for, and where codes do not come back (SEC-33).

Every budget has a share for users who are logged in, and one for networks that had no SMS lately. Whether codes come
back is judged for each asker, a network or a user, then for each prefix, then for each country. Who asks without a user
is judged apart from who asks with one, so that strangers pause nothing for users.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from ..events import SmsCountryPaused
from ..model.call import Call
from ..model.msisdn import Plan, plan_of
from ..model.session import Session
from ..policy import Limit, per_day, per_hour
from ..roles.base import Role
from .counting import DAY, HOUR, Counter, once, period

_COUNTED = 1_000_000
"""More than is counted in a day: such a counter tells a number and refuses nothing."""
_LEAST = 3
"""What one network may use of an hour's budget, however small the budget is."""
_FIRST = 16
"""The networks of an IPv6 /32 that count as new in a day."""
_PROVIDER = 5
"""How many times as much as one network an IPv6 /32 may use."""


@frozen
class _Judged:
    """What is compared of an asker, a prefix or a country in a day (UTC): ``sent`` SMS and ``validated`` codes.

    ``over``: the SMS that are not judged.
    """

    sent: Counter
    validated: Counter
    over: int

    def holds(self, role: Role, counts: Mapping[Counter, int]) -> bool:
        """Return whether so few codes came back that only ``Conversion.probes`` SMS an hour are sent."""
        rule, sent = role.policy.sms.conversion, counts[self.sent]
        return rule is not None and sent >= self.over and counts[self.validated] < rule.least * sent


@frozen
class Pause(_Judged):
    """A prefix or a country, as it is judged for one group of callers.

    * ``place``: ``prefix`` or ``country``.
    * ``group``: ``users`` for callers with an access token, ``others`` for those without, ``all`` at a delegate.
    """

    place: str
    group: str


class Toll:
    """What one SMS is charged to beside its budgets, by the counts of ``counters``.

    * ``role``: gives policy and limiter.
    * ``call``: the call, for its client network and user.
    * ``plan``: the place of the number in the numbering plan.
    * ``shared``: the limits of which strangers have a part: budgets, and the limits of the prefix.
    """

    def __init__(self, role: Role, call: Call, plan: Plan, shared: Sequence[Counter]) -> None:
        self._role, self._plan = role, plan
        group = _group(role, call.user_id)
        self.lanes = [list[Counter]()] if group != "others" else _lanes(role, call, shared)
        asker = _asker(role, call, call.user_id)
        self._asker, self._prefix, self._country = _judged(role, plan, group, asker)
        self._probe = [Counter("probe", asker, per_hour(1))] if asker else []
        self._probes = {each: _probes(role, each) for each in (self._prefix, self._country)}

    @property
    def counters(self) -> list[Counter]:
        """The counters whose counts decide."""
        judged = [each for each in (self._asker, self._prefix, self._country) if each is not None]
        probes = [*self._probe, *(each for pair in self._probes.values() for each in pair)]
        counted = [each for one in judged for each in (one.sent, one.validated)]
        return [*(each for lane in self.lanes for each in lane), *counted, *probes]

    async def lane(self, counts: Mapping[Counter, int], wait: Callable[[Sequence[Counter]], int]) -> list[Counter]:
        """Return what is charged: the first of the ways that has room, else that with the shortest wait.

        * ``counts``: how much of each of ``counters`` is used.
        * ``wait``: returns the ms until counters have room.
        """
        # Who lets codes lapse counts as known, and gets an SMS an hour, which are not held against anybody else.
        alone = self._paused(self._asker, counts)
        paused = [each for each in (self._prefix, self._country) if self._paused(each, counts)]
        if self._country in paused and await once(self._role, self._country.sent, "paused"):
            sent, validated = counts[self._country.sent], counts[self._country.validated]
            self._role.emit(SmsCountryPaused(self._plan.region, sent, validated))
        ways = []
        for number, lane in enumerate(self.lanes):
            known = number == len(self.lanes) - 1 and number > 0
            probes = [probe for each in paused for probe in self._probes[each][: 2 if known else 1]]
            ways.append([*lane, *probes, *(self._probe if alone or paused else [])])
        judged = [each.sent for each in (self._asker, *(() if alone else (self._prefix, self._country))) if each]
        return [*min(ways[-1:] if alone else ways, key=wait), *judged]

    def _paused(self, judged: _Judged | None, counts: Mapping[Counter, int]) -> bool:
        return judged is not None and judged.holds(self._role, counts)


def validated_counters(role: Role, call: Call, session: Session) -> list[Counter]:
    """Return what counts that the code of an SMS was submitted: for its asker, its prefix and its country."""
    plan = plan_of(session.threepid.address)
    judged = _judged(role, plan, _group(role, session.owner), _asker(role, call, session.owner))
    return [each.validated for each in judged if each is not None]


def _group(role: Role, user_id: str | None) -> str:
    """Return whose SMS are judged together; a delegate does not see who asks."""
    return "all" if not role.sees_clients else "others" if user_id is None else "users"


def _asker(role: Role, call: Call, user_id: str | None) -> tuple[str, ...]:
    """Return a user, or else a network, as parts of a ``Counter``; empty if neither is known."""
    if user_id is not None:
        return ("user", user_id)
    return ("client", call.site) if role.sees_clients and call.public else ()


def _judged(role: Role, plan: Plan, group: str, asker: tuple[str, ...]) -> tuple[_Judged | None, _Judged, _Judged]:
    rule = role.policy.sms.conversion
    overs = (0, 0, 0) if rule is None else (rule.over_asker, rule.over_prefix, rule.over)

    def judged(over: int, *parts: str) -> _Judged:
        sent, validated = (period(f"sms {kind}", _COUNTED, DAY, *parts) for kind in ("sent", "validated"))
        return _Judged(sent, validated, over)

    return (
        judged(overs[0], "asker", *asker) if asker else None,
        judged(overs[1], "prefix", plan.prefix, group),
        judged(overs[2], "country", plan.region, group),
    )


def _probes(role: Role, judged: _Judged) -> list[Counter]:
    """Return what counts the SMS to a paused prefix or country: those of all, and those of networks known already."""
    rule = role.policy.sms.conversion
    if rule is None:
        return []
    parts = judged.sent.parts
    return [
        Counter("probes", parts, Limit(max(rule.probes // 4, 1), rule.probes / 3600)),
        Counter("known probes", parts, Limit(max(rule.probes // 8, 1), rule.probes / 4 / 3600)),
    ]


def _lanes(role: Role, call: Call, shared: Sequence[Counter]) -> list[list[Counter]]:
    """Return the ways to charge an SMS of a stranger: as one of a new network, or else as one of a known network."""
    rules = role.policy.sms
    others = strangers_share(role, shared)
    if not call.public:
        return [others]
    share = max(_LEAST, round(rules.budget_per_hour * rules.network_share))
    networks = [period("share", share, HOUR, call.site)]
    new = [Counter("new", (call.site,), per_day(1))]
    for network, _ in call.wider[1:]:
        networks.append(period("share", max(share, min(share * _PROVIDER, rules.budget_per_hour // 2)), HOUR, network))
        new.append(Counter("new", (network,), per_day(_FIRST)))
    if not rules.kept_for_new:
        return [[*others, *networks]]
    left = 1 - rules.kept_for_users - rules.kept_for_new
    known = [_part("known", each, left) for each in shared]
    return [[*others, *networks, *new], [*others, *networks, *known]]


def _part(kind: str, whole: Counter, share: float) -> Counter:
    """Return a counter for a share of a limit."""
    limit = Limit(max(1, round(whole.limit.burst * share)), whole.limit.per_second * share)
    return Counter(f"{kind} {whole.kind}", whole.parts, limit, whole.length)


def pauses(role: Role, plan: Plan) -> list[Pause]:
    """Return how the prefix and the country of a number are judged, for each group of callers."""
    groups = ("users", "others") if role.sees_clients else ("all",)
    judged = [(group, _judged(role, plan, group, ())[1:]) for group in groups]
    return [
        Pause(each.sent, each.validated, each.over, place, group)
        for group, pair in judged
        for place, each in zip(("prefix", "country"), pair, strict=True)
    ]


def strangers_share(role: Role, shared: Sequence[Counter]) -> list[Counter]:
    """Return what counts the parts of limits that callers without an access token may use; empty where all may.

    * ``shared``: the limits: budgets, and those of the prefix.
    """
    kept = role.policy.sms.kept_for_users
    return [_part("others", each, 1 - kept) for each in shared] if kept and role.sees_clients else []
