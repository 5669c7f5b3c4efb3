"""Honest people: they ask at any time of the day from networks of their own, three times within half an hour."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from attrs import define, field

from ..model.msisdn import plan_of
from ..model.threepid import AccountThreepid, Medium, Threepid
from .place import DAY, HOUR, Place, proof_in

TRIES = (0.0, 900.0, 1800.0)
"""The s after which a person asks, again, and for the last time."""
LAST_LOOK = 900.0
"""The s for which a person waits after the last try."""
_LOOK = 5.0
A_DAY = 100
"""The honest people of a day, every other one logged in."""
_PREFIXES = 40


@define(eq=False)
class Person:
    """Somebody who wants one message.

    * ``name``: makes the user id and the client's secrets.
    * ``network``: the address from which the person asks.
    * ``medium``, ``address``: where the message goes.
    * ``logged_in``: whether the person asks with an access token.
    * ``resets``: whether the person resets a password by an address of the account, else adds or registers one.
    * ``waited``: the s until the proof was accepted; ``None`` if it never was.
    """

    name: str
    network: str
    medium: Medium
    address: str
    logged_in: bool
    resets: bool = False
    waited: float | None = None

    async def live(self, place: Place, begins: float) -> None:
        """Ask up to three times, and type in what arrives."""
        await place.until(begins)
        secret, sender = f"secret.{self.name}.{begins:.0f}", place.sms if self.medium is Medium.MSISDN else place.mail
        sender.last.pop(self.address, None)
        answer = None
        for attempt, (after, until) in enumerate(zip(TRIES, (*TRIES[1:], TRIES[-1] + LAST_LOOK), strict=True), 1):
            await place.until(begins + after)
            response = await ask(place, self, secret, attempt)
            answer = response if response is not None else answer
            while answer is not None and place.passed < begins + until:
                message = sender.last.get(self.address)
                if message is not None and await place.type_in(
                    self.medium, answer, secret, self.network, proof_in(message)
                ):
                    self.waited = place.passed - begins
                    return
                await asyncio.sleep(_LOOK)


async def ask(place: Place, who: Person, secret: str, attempt: int = 1) -> dict[str, str] | None:
    """Ask for a message; return the answer, or ``None`` if it was refused."""
    user = f"@{who.name}:hs.example.org" if who.logged_in else None
    path = "/account/password" if who.resets else "/account/3pid" if who.logged_in else "/register"
    body = {"client_secret": secret, "send_attempt": attempt}
    if who.medium is Medium.MSISDN:
        body |= {"country": "GB", "phone_number": f"+{who.address}"}
    else:
        body["email"] = who.address
    response = await place.call(f"{path}/{who.medium.value}/requestToken", body, who.network, user)
    answer: dict[str, str] | None = response.json() if response.status == 200 else None
    return answer


@define(eq=False)
class Numbers:
    """Mobile numbers in the countries of a policy, each given out once, all of some forty prefixes a country.

    * ``place``: gives chance and policy.
    """

    place: Place
    _prefixes: dict[str, list[str]] = field(init=False, factory=dict)
    _lengths: dict[str, int] = field(init=False, factory=dict)
    _given: set[str] = field(init=False, factory=set)

    @property
    def regions(self) -> Sequence[str]:
        """The countries that SMS go to."""
        return sorted(self.place.policy.sms.countries)

    def mobile(self, prefix: str | None = None) -> str:
        """Return the digits of a number; ``prefix``: of this one, default of any."""
        while True:
            chosen = prefix or self.prefix()
            digits = chosen + "".join(str(self.place.chance.randrange(10)) for _ in range(self._lengths[chosen]))
            if digits not in self._given and _valid(digits):
                self._given.add(digits)
                return digits

    def prefix(self) -> str:
        """Return one of the prefixes."""
        region = self.place.chance.choice(self.regions)
        if region not in self._prefixes:
            self._prefixes[region] = self._find(region)
        return self.place.chance.choice(self._prefixes[region])

    def premium(self) -> str | None:
        """Return the digits of a number at a high rate; ``None`` where no country has any."""
        import phonenumbers

        kind = phonenumbers.PhoneNumberType.PREMIUM_RATE
        for region in self.regions:
            example = phonenumbers.example_number_for_type(region, kind)
            if example is not None:
                return f"{example.country_code}{example.national_number}"
        return None

    def _find(self, region: str) -> list[str]:
        """Return prefixes of mobile numbers, near that of the example in the numbering plan."""
        example = _example(region)
        found: dict[str, None] = {plan_of(example).prefix: None}
        for _ in range(20 * _PREFIXES):
            at = len(plan_of(example).prefix)
            changed = example[: at - 3] + "".join(str(self.place.chance.randrange(10)) for _ in range(3)) + example[at:]
            if (
                _valid(changed)
                and plan_of(changed).region == region
                and self.place.policy.sms.reaches(plan_of(changed))
            ):
                found[plan_of(changed).prefix] = None
            if len(found) == _PREFIXES:
                break
        for prefix in found:
            self._lengths[prefix] = len(example) - len(prefix)
        return list(found)


def _example(region: str) -> str:
    import phonenumbers

    number: Any = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    return f"{number.country_code}{number.national_number}"


def _valid(digits: str) -> bool:
    import phonenumbers

    return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}", None))


def network_of(number: int, first: int) -> str:
    """Return an address in a network of its own; ``first``: the first part, which tells honest people from others."""
    return f"{first}.{number >> 8 & 255}.{number & 255}.7"


def honest(place: Place, medium: Medium, numbers: Numbers, many: int = A_DAY) -> list[Person]:
    """Return the people of a day."""
    return [
        Person(
            name=f"honest{number}",
            network=network_of(number, 81),
            medium=medium,
            address=numbers.mobile() if medium is Medium.MSISDN else f"honest{number}@example.org",
            logged_in=number % 2 == 0,
        )
        for number in range(many)
    ]


async def owners(place: Place, many: int) -> list[Person]:
    """Return people with a mail address on an account, validated from their network; every other one logged in."""
    made = list[Person]()
    for number in range(many):
        name = f"owner{number}"
        threepid = Threepid(Medium.EMAIL, f"{name}@example.org")
        person = Person(name, network_of(number, 82), Medium.EMAIL, threepid.address, logged_in=False)
        await person.live(place, place.passed)
        held = AccountThreepid(medium=threepid.medium, address=threepid.address, validated_at=0, added_at=0)
        place.accounts.on.append((f"@{name}:hs.example.org", held))
        made.append(
            Person(name, network_of(number, 82), Medium.EMAIL, threepid.address, logged_in=number % 2 == 0, resets=True)
        )
    return made


async def live_all(place: Place, people: Sequence[Person]) -> None:
    """Let people live their day, which begins an hour after the rehearsal; return when it is over."""
    last = DAY - TRIES[-1] - LAST_LOOK
    await asyncio.gather(
        *(person.live(place, HOUR + place.chance.random() * last) for person in people), place.until(HOUR + DAY)
    )
