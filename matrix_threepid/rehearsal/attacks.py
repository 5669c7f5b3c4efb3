"""The catalogue of attacks: what strangers do for a day and an hour, and who wants a message meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from heapq import heappop, heappush

from attrs import define, field, frozen

from ..model.message import TokenMessage
from ..model.threepid import AccountThreepid, Medium
from ..testing.outages.faults import Fault, Outage, Part
from .people import Numbers, Person, ask, honest, live_all, network_of, owners
from .place import DAY, HOUR, Place, proof_in

_GIVE_UP = 10
"""Attackers who share a plan stop asking after so many refusals in a row, and try again after ``_REST``."""
_REST = 180.0
_END = HOUR + DAY
_TARGETS, _FEW = 10, 5
"""The addresses that many networks bomb, and the networks that bomb many."""


@define(eq=False)
class Attack:
    """An attack under way.

    * ``place``: what it meets.
    * ``numbers``: the phone numbers.
    * ``found``: what it found out, in words; empty if that is nothing.
    """

    place: Place
    numbers: Numbers
    found: str = ""
    _asked: int = field(init=False, default=0)

    async def keep_asking(
        self,
        networks: int,
        address: Callable[[], str],
        medium: Medium = Medium.MSISDN,
        *,
        converts: float = 0.0,
        user: str | None = None,
        resets: bool = False,
    ) -> None:
        """Ask from every network as much as it can, until the end.

        * ``networks``: how many networks.
        * ``address``: returns the next address to ask for.
        * ``converts``: the share of the codes that is typed in.
        * ``user``: whose access token is used; default none.
        * ``resets``: whether to ask for password resets.
        """
        due = [(0.0, number) for number in range(networks)]
        refused, rested = 0, 0.0
        while self.place.passed < _END:
            at, number = heappop(due)
            await self.place.until(max(at, rested))
            got = await self._ask(self._stranger(number, address(), medium, user, resets), converts)
            refused = 0 if got else refused + 1
            heappush(due, (self.place.passed + (1.0 if got else _REST), number))
            if refused >= min(_GIVE_UP, networks):
                # The next ones are those that have waited longest.
                refused, rested = 0, self.place.passed + _REST

    def _stranger(self, number: int, address: str, medium: Medium, user: str | None, resets: bool) -> Person:
        network = network_of(number, 20)
        return Person(user or "attacker", network, medium, address, logged_in=user is not None, resets=resets)

    async def _ask(self, who: Person, converts: float) -> bool:
        self._asked += 1
        secret = f"attack.{self._asked}"
        answer = await ask(self.place, who, secret)
        if answer is not None and self.place.chance.random() < converts:
            message = self.place.sms.last.get(who.address)
            if message is not None:
                await self.place.type_in(who.medium, answer, secret, who.network, proof_in(message))
        return answer is not None


Strangers = Callable[[Attack], Awaitable[None]]


@frozen
class Row:
    """One attack of the catalogue.

    * ``name``: its name.
    * ``medium``: what the honest people want a message of.
    * ``strangers``: what the attackers do until the end, or what breaks.
    * ``owners``: whether the honest people own the addresses that are attacked.
    * ``fails``: what fails for ten minutes while people bind addresses at an identity server, and log in there; empty
      (default) where people want messages.
    """

    name: str
    medium: Medium
    strangers: Strangers
    owners: bool = False
    fails: Outage = field(factory=dict)


async def _nobody(_: Attack) -> None:
    return None


async def _pump(attack: Attack, networks: int, converts: float = 0.0) -> None:
    await attack.keep_asking(networks, attack.numbers.mobile, converts=converts)


async def _premium(attack: Attack) -> None:
    number = attack.numbers.premium()
    if number is None:
        attack.found = "no such numbers in these countries"
    else:
        await attack.keep_asking(100, lambda: number)


async def _one_prefix(attack: Attack) -> None:
    prefix = attack.numbers.prefix()
    await attack.keep_asking(100, lambda: attack.numbers.mobile(prefix))


async def _token(attack: Attack) -> None:
    await attack.keep_asking(100, attack.numbers.mobile, user="leaked")


async def _guess(attack: Attack) -> None:
    """Guess the codes of one number from 100 networks."""
    place, number, right, made = attack.place, attack.numbers.mobile(), 0, 0
    while place.passed < _END:
        network = network_of(made % 100, 20)
        who = Person("attacker", network, Medium.MSISDN, number, logged_in=False)
        answer = await ask(place, who, f"guess.{made}")
        for _ in range(5 if answer else 0):
            code = "".join(str(place.chance.randrange(10)) for _ in range(place.policy.code_digits))
            right += await place.type_in(Medium.MSISDN, answer or {}, f"guess.{made}", network, code)
        made += 1
        await asyncio.sleep(60.0)
    attack.found = f"{right} codes guessed"


async def _bomb(attack: Attack) -> None:
    """Ask for resets by the addresses of the owners, from 64 networks for each."""
    turn = iter(range(1_000_000_000))
    await attack.keep_asking(
        64 * _TARGETS, lambda: f"owner{next(turn) % _TARGETS}@example.org", Medium.EMAIL, resets=True
    )


async def _bomb_many(attack: Attack) -> None:
    """Ask for a mail to another address every time, from a few networks."""
    turn = iter(range(1_000_000_000))
    await attack.keep_asking(_FEW, lambda: f"somebody{next(turn)}@example.com", Medium.EMAIL)


async def _enumerate(attack: Attack) -> None:
    """Ask whether addresses are known, from 100 networks: every other one is."""
    place, told = attack.place, 0
    for number in range(0, 2000, 2):
        held = AccountThreepid(medium=Medium.EMAIL, address=f"user{number}@example.com", validated_at=0, added_at=0)
        place.accounts.on.append((f"@user{number}:hs.example.org", held))
    for number in range(2000):
        body = {"email": f"user{number}@example.com", "client_secret": "secret", "send_attempt": 1}
        answer = await place.call("/register/email/requestToken", body, network_of(number % 100, 20))
        told += answer.status == 400
        await asyncio.sleep(_END / 2000 - 1)
    attack.found = f"{told} of 1000 known addresses told"


async def _flood(attack: Attack) -> None:
    """Fill the queue while each mail takes ten times as long as usual."""
    attack.place.mail.trouble = lambda _: 1.0
    await _bomb_many(attack)


async def _tarpit(attack: Attack) -> None:
    """Ask for mails to a server that takes them in and never answers."""

    def slow(message: TokenMessage | None) -> float | None:
        return 3600.0 if message is not None and message.recipient.endswith("@example.com") else 0.0

    attack.place.mail.trouble = slow
    await _bomb_many(attack)


def _at_times(place: Place) -> bool:
    """Return whether it is the time of an outage: the first ten minutes of every hour."""
    return place.passed % HOUR < 600


async def _out(attack: Attack, medium: Medium, takes: float | None) -> None:
    """Let a sender refuse, or stay silent, for ten minutes of every hour."""
    place = attack.place
    sender = place.mail if medium is Medium.EMAIL else place.sms
    sender.trouble = lambda _: takes if _at_times(place) else 0.0


async def _no_database(attack: Attack) -> None:
    attack.place.stumble(lambda: _at_times(attack.place))


_SMS, _MAIL = Medium.MSISDN, Medium.EMAIL
_SILENT = 3600.0
CATALOGUE: Sequence[Row] = (
    Row("nobody attacks", _SMS, _nobody),
    Row("pumping from 3 networks", _SMS, partial(_pump, networks=3)),
    Row("pumping from 3 networks, 10 % convert", _SMS, partial(_pump, networks=3, converts=0.1)),
    Row("pumping from 100 networks", _SMS, partial(_pump, networks=100)),
    Row("pumping from 100 networks, 10 % convert", _SMS, partial(_pump, networks=100, converts=0.1)),
    Row("pumping from 10,000 networks", _SMS, partial(_pump, networks=10_000)),
    Row("pumping from 10,000 networks, 10 % convert", _SMS, partial(_pump, networks=10_000, converts=0.1)),
    Row("premium numbers", _SMS, _premium),
    Row("one prefix", _SMS, _one_prefix),
    Row("a leaked access token", _SMS, _token),
    Row("guessing codes", _SMS, _guess),
    Row("mail bombing ten addresses", _MAIL, _bomb, owners=True),
    Row("mail bombing many addresses", _MAIL, _bomb_many),
    Row("enumeration", _MAIL, _enumerate),
    Row("queue flooding", _MAIL, _flood),
    Row("tarpits", _MAIL, _tarpit),
    Row("the mail server refuses", _MAIL, partial(_out, medium=_MAIL, takes=None)),
    Row("the mail server is silent", _MAIL, partial(_out, medium=_MAIL, takes=_SILENT)),
    Row("the SMS provider refuses", _SMS, partial(_out, medium=_SMS, takes=None)),
    Row("the SMS provider is silent", _SMS, partial(_out, medium=_SMS, takes=_SILENT)),
    Row("the database is down", _MAIL, _no_database),
    Row("the identity server refuses", _MAIL, _nobody, fails={Part.IDENTITY: Fault.REFUSING}),
    Row("the identity server is silent", _MAIL, _nobody, fails={Part.IDENTITY: Fault.SILENT}),
    Row("the key server refuses", _MAIL, _nobody, fails={Part.KEYS: Fault.REFUSING}),
    Row("the key server is silent", _MAIL, _nobody, fails={Part.KEYS: Fault.SILENT}),
    Row("DNS refuses", _MAIL, _nobody, fails={Part.DNS: Fault.REFUSING}),
    Row("DNS is silent", _MAIL, _nobody, fails={Part.DNS: Fault.SILENT}),
)
"""All attacks. Outages last for the first ten minutes of every hour."""


async def rehearsed(row: Row, place: Place) -> tuple[Attack, list[Person]]:
    """Rehearse one attack to its end; return it, and the honest people with how long they waited."""
    numbers = Numbers(place)
    attack = Attack(place, numbers)
    people = await owners(place, _TARGETS) if row.owners else honest(place, row.medium, numbers)
    strangers = asyncio.ensure_future(row.strangers(attack))
    await live_all(place, people)
    await asyncio.wait({strangers}, timeout=HOUR)
    if strangers.done():
        strangers.result()
    else:
        strangers.cancel()
    return attack, people
