"""``Place``: a homeserver in memory with a policy, senders that keep what they are given, and parts that may fail."""

from __future__ import annotations

import asyncio
import json
import random  # noqa: TID251  what is drawn here is no secret, and a seed must give it again
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import define, evolve, field

from ..housekeeping import Worker
from ..memory.limits import MemoryLimits
from ..model.keys import MIN_BYTES, Pepper, Peppers
from ..model.message import Accepted, MessageKind, Outcome, RefusedForNow, TokenMessage
from ..model.threepid import Medium
from ..policy import Policy
from ..protocol.errors import Unavailable
from ..protocol.wire import Request, Response
from ..roles.base import Silence
from ..roles.homeserver import Homeserver
from ..service import Service
from ..testing import FakeAccounts, FakeCallers, FakeUia

BEGIN = 1_767_222_000_000
"""The time at which a rehearsal begins: 2025-12-31 at 23:00 UTC, an hour before the day of the honest users."""
HOUR = 3600.0
DAY = 24 * HOUR
_PAUSE, _AWHILE = 5.0, 900.0
_MANY_KEYS = 2_000_000
_MANY_MACS = 200_000
_CLIENT = "/_matrix/client/v3"
_BASE = "https://hs.example.org"
Trouble = Callable[[TokenMessage | None], float | None]
"""Returns the s that a part takes, or ``None`` if it refuses; called with the message, if there is one."""


def _fine(_: TokenMessage | None) -> float | None:
    return 0.0


@define(eq=False)
class Sending:
    """A ``TokenSender`` that keeps what it is given, and may be slow or refuse.

    * ``last``: the last message to each address.
    * ``count``: the messages that it accepted.
    * ``trouble``: what is wrong with it; default nothing.
    """

    last: dict[str, TokenMessage] = field(factory=dict)
    count: int = 0
    trouble: Trouble = _fine

    async def send(self, message: TokenMessage) -> Outcome:
        takes = self.trouble(message)
        if takes is None:
            return RefusedForNow("an outage", outage=True)
        late = takes * 1000 >= message.deadline
        if takes:
            await asyncio.sleep(min(takes, message.deadline / 1000))
        if late:
            return RefusedForNow("an outage", outage=True)
        self.count += 1
        if message.kind is MessageKind.TOKEN:
            self.last[message.recipient] = message
        return Accepted()


class _Remembering(Pepper):
    """A pepper that computes the MACs of limits once: a rehearsal asks for the same ones all day."""

    @cached_property
    def _known(self) -> Callable[..., str]:
        return lru_cache(maxsize=_MANY_MACS)(super().mac)

    def mac(self, label: str, *parts: str) -> str:
        return self._known(label, *parts)


class _Stumbling:
    """A store whose calls raise ``Unavailable`` while its database is down."""

    def __init__(self, store: Any, down: Callable[[], bool]) -> None:
        self._store, self._down = store, down

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def ask(*values: Any) -> Any:
            if self._down():
                raise Unavailable
            return await method(*values)

        return ask if callable(method) else method


class Place:
    """What an attack meets.

    * ``policy``: the policy; links get a base if it has none.
    * ``seed``: decides everything that is drawn.
    * ``chance``: draws.
    """

    def __init__(self, policy: Policy, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  nothing here is secret
        self.mail, self.sms, self.accounts = Sending(), Sending(), FakeAccounts()
        self._time = asyncio.get_running_loop().time
        self.begun = self._time()
        self.policy = evolve(policy, public_base_url=policy.public_base_url or _BASE, languages=("en",))
        self.role = Homeserver(
            server_name="hs.example.org",
            accounts=self.accounts,
            callers=FakeCallers(),
            uia=FakeUia(),
            peppers=Peppers(_Remembering(bytes(MIN_BYTES))),
            policy=self.policy,
            senders={Medium.EMAIL: self.mail, Medium.MSISDN: self.sms},
            # No key is forgotten here, as none is in a database.
            limiter=MemoryLimits(max_keys=_MANY_KEYS),
            listener=Silence(),
            clock=self.now,
            random_bytes=self.chance.randbytes,
        )
        self.service = Service(self.role)
        self._deliver_until = 0.0
        self._house = asyncio.ensure_future(self._keep_house())

    def stumble(self, down: Callable[[], bool]) -> None:
        """Let the database be down at times, with sessions, limits and accounts."""
        names = ("sessions", "limiter", "accounts")
        broken: dict[str, Any] = {name: _Stumbling(getattr(self.role, name), down) for name in names}
        self.role = evolve(self.role, **broken)
        self.service = Service(self.role)

    @property
    def passed(self) -> float:
        """The s that have passed."""
        return self._time() - self.begun

    def now(self) -> int:
        """Return the time in ms of the wall clock."""
        return BEGIN + round((self._time() - self.begun) * 1000)

    async def until(self, moment: float) -> None:
        """Wait until so many s have passed."""
        await asyncio.sleep(max(0.0, moment - self.passed))

    async def call(self, path: str, body: Mapping[str, Any], network: str, user: str | None = None) -> Response:
        """POST a body from a network; return the response."""
        headers = {"authorization": f"Bearer {user}"} if user else {}
        full = path if path.startswith("/_") else f"{_CLIENT}{path}"
        self._deliver_until = self.passed + _AWHILE
        return await self.service.handle(Request("POST", full, headers, body=json.dumps(body).encode(), client=network))

    async def type_in(self, medium: Medium, answer: Mapping[str, Any], secret: str, network: str, code: str) -> bool:
        """Submit a code or token; return whether it was right."""
        path = urlsplit(self.role.submit_url(medium)).path
        body = {"sid": answer["sid"], "client_secret": secret, "token": code}
        return (await self.call(path, body, network)).status == 200

    async def _keep_house(self) -> None:
        """Deliver what is due, media apart; only after somebody has asked, since looking reads all sessions."""
        jobs = [job for job in self.service.jobs() if job.name.startswith("deliver_due")]
        await asyncio.gather(*map(self._repeat, jobs))

    async def _repeat(self, job: Any) -> None:
        while True:
            await asyncio.sleep(_PAUSE)
            if self.policy.deferred_sending and self.passed < self._deliver_until:
                await job.run_once(_together)


async def _together(workers: Sequence[Worker]) -> None:
    await asyncio.gather(*(worker() for worker in workers))


def proof_in(message: TokenMessage) -> str:
    """Return the code of a message, or the token of its link."""
    if message.code is not None:
        return message.code
    return parse_qs(urlsplit(message.link or "").query)["token"][0]
