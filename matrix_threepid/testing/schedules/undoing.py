"""Seeded schedules of thieves and owners of old addresses, with ``Policy.undo_links``.

Calls meet at every call of a port, with lost answers, crashes and clock steps. Two invariants hold in the end, or
``Broken`` is raised: the owner of an old address has the account back, and who has only a mailbox whose removal was
confirmed has nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import define, field

from ...model.message import MessageKind, TokenMessage
from ...model.threepid import AccountThreepid, Medium, Purpose
from ...protocol.errors import MatrixError
from ..fake_accounts import PASSWORD
from ..world import ALICE, World
from .schedule import Call
from .secured import HearsNothing, SecuredAccounts, SecuredCallers
from .tasks import Task, broken
from .turns import quietly, take_turn
from .wiring import CountedBytes, wire

BACK = "an owner of an old address gets the account back"
OUT = "who has only a mailbox whose removal was confirmed gets nothing"
OLD, OLDER, THIEF, AGAIN = "old@example.org", "older@example.org", "thief@example.net", "again@example.net"
_HOUR, _DAY = 3_600_000, 86_400_000
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_THEFT = ("take thief", "take again", "drop old", "drop older", "drop thief", "reset thief", "change", "press thief")
_LOSS = ("drop old", "mine older", "press old", "take again", "drop again", "change")
_PAUSES = (1_000, 61_000, _HOUR, 5 * _HOUR)
_BOXES = {"old": OLD, "older": OLDER, "thief": THIEF, "again": AGAIN}


@define(eq=False)
class _Story:
    """One schedule: what people do with an account. ``confirmed``: whether a removal was confirmed."""

    chance: Random
    acts: Sequence[str]
    held: Sequence[tuple[str, int]]
    confirmed: bool = False
    accounts: SecuredAccounts = field(factory=SecuredAccounts)
    world: World = field(init=False)
    _hears: HearsNothing = field(factory=HearsNothing)
    _numbers: int = 0

    def __attrs_post_init__(self) -> None:
        self.world = World({"undo_links": True}, accounts=self.accounts, callers=SecuredCallers(self.accounts))
        self.world.rewire(random_bytes=CountedBytes())
        for address, age in self.held:
            at = self.world.clock() - age
            row = AccountThreepid(medium=Medium.EMAIL, address=address, validated_at=at, added_at=at)
            quietly(_awaited(self.accounts.add(ALICE, row)))
        wire(self.world, self._hears)

    def run(self) -> None:
        """Make the calls, in an order that chance says."""
        begun = self.world.clock()
        left = [self.chance.choice(self.acts) for _ in range(self.chance.randint(2, 7))]
        running: list[Task] = []
        while left or running:
            if left and (not running or self.chance.random() < 0.3):
                running.append(self._begin(left.pop(), faulty=self.chance.random() < 0.15))
            draw = self.chance.random()
            if draw < 0.02:
                self._crash(running)
            elif draw < 0.1 and self.world.clock() < begun + _DAY:
                self.world.clock.advance(self.chance.choice(_PAUSES))
            elif draw < 0.2:
                running.append(self._begin("deliver", faulty=False))
            elif running:
                self._turn(running)
        self.world.clock.advance(2 * _HOUR)
        self.alone("deliver")

    def alone(self, act: str) -> str:
        """Make one call without others and without faults; return how it ended."""
        task = self._begin(act, faulty=False)
        while task.ended is None:
            self._turn([task])
        return str(task.sid)

    def press(self, message: TokenMessage) -> None:
        """Press the button behind a link, without others and without faults."""
        quietly(self._submit(message))

    @property
    def addresses(self) -> list[str]:
        """The addresses on the account."""
        return [each.address for each in quietly(_awaited(self.accounts.list(ALICE)))]

    def links(self, address: str) -> list[TokenMessage]:
        """Return the mails with links that came to an address, the oldest first."""
        mails = [each for each in self.world.outbox.messages if each.kind is MessageKind.CHANGED]
        return [each for each in mails if each.recipient == address]

    def _begin(self, act: str, *, faulty: bool) -> Task:
        self._numbers += 1
        word, *values = act.split()
        faults = {self.chance.randint(1, 12): self.chance.choice(("lost", "unsaid"))} if faulty else {}
        task = Task(Call(self._numbers, "somebody", word, tuple(values)), faults, None, began=0)  # type: ignore[arg-type]
        task.work = self._told(getattr(self, f"_{word}"), values)
        return task

    async def _told(self, do: Callable[..., Awaitable[str]], values: Sequence[str]) -> str:
        try:
            return await do(*values)
        except MatrixError as error:
            return str(error.status)

    def _turn(self, running: list[Task]) -> None:
        task = self.chance.choice(running)
        self._hears.now = task
        try:
            take_turn(task.work)
        except StopIteration as stop:
            task.ended, task.sid = 1, stop.value
            running.remove(task)
        finally:
            self._hears.now = None

    def _crash(self, running: list[Task]) -> None:
        for task in running:
            task.work.close()
        running.clear()
        self.world.rewire()
        wire(self.world, self._hears)

    # -- what people do -----------------------------------------------------------------------------

    async def _take(self, name: str) -> str:
        secret = f"a-secret-{self._numbers}"
        body = {"email": _BOXES[name], "client_secret": secret, "send_attempt": 1}
        asked = await self._post("/account/3pid/email/requestToken", body)
        if asked.status != 200:
            return str(asked.status)
        await self._confirm(name)
        creds = {"sid": asked.json()["sid"], "client_secret": secret}
        first = await self._post("/account/3pid/add", creds)
        if first.status != 401 or "session" not in first.json():
            return str(first.status)
        auth = {"type": "m.login.password", "password": PASSWORD, "session": first.json()["session"]}
        return str((await self._post("/account/3pid/add", {**creds, "auth": auth})).status)

    async def _drop(self, name: str) -> str:
        body = {"medium": "email", "address": _BOXES[name]}
        return str((await self._post("/account/3pid/delete", body)).status)

    async def _reset(self, name: str) -> str:
        secret = f"a-secret-{self._numbers}"
        body = {"email": _BOXES[name], "client_secret": secret, "send_attempt": 1}
        asked = await self.world.acall("POST", "/account/password/email/requestToken", body)
        if asked.status != 200:
            return str(asked.status)
        await self._confirm(name)
        auth = {"threepid_creds": {"sid": asked.json()["sid"], "client_secret": secret}}
        stages = self.world.stages
        proof = await stages.check("m.login.email.identity", auth, secret, Purpose.PASSWORD)
        await stages.confirm(proof)
        await stages.consume(proof)
        return "reset"

    async def _change(self) -> str:
        if self.accounts.open:
            await self.world.stages.end_resets(ALICE)
        return "changed"

    async def _press(self, name: str, **more: str) -> str:
        found = self.links(_BOXES[name])
        return str(await self._submit(found[-1], **more)) if found else "no mail"

    async def _mine(self, name: str) -> str:
        ended = await self._press(name, answer="mine")
        self.confirmed = self.confirmed or ended == "200"
        return ended

    async def _deliver(self) -> str:
        return str(await self.world.service.deliver_due())

    async def _confirm(self, name: str) -> None:
        tokens = [each for each in self.world.outbox.messages if each.kind is MessageKind.TOKEN and each.link]
        for message in [each for each in tokens if each.recipient == _BOXES[name]][-1:]:
            await self._submit(message)

    async def _submit(self, message: TokenMessage, **more: str) -> int:
        parts = urlsplit(message.link or "")
        form = urlencode({**dict(parse_qsl(parts.query)), **more}).encode()
        return (await self.world.acall("POST", parts.path, form, headers=_FORM)).status

    async def _post(self, path: str, body: Any) -> Any:
        return await self.world.acall("POST", path, body, ALICE)


def theft(seed: int) -> None:
    """A thief with a session and the password does what comes to mind. Raises ``Broken`` if an owner stays out."""
    chance = Random(seed)  # noqa: S311  an order, no secret
    held = [(OLD, 30 * _DAY), (OLDER, chance.choice((8, 30, 60)) * _DAY)][: chance.choice((1, 2))]
    owner = chance.choice(held)[0]
    name = {address: name for name, address in _BOXES.items()}[owner]
    story = _Story(chance, (*_THEFT, *(f"press {name}" for _ in range(chance.choice((0, 1, 3))))), held)
    story.run()
    story.run()  # with links in the mailbox
    for message in story.links(owner):
        story.press(message)
    was = {address for address, _ in held}
    if set(story.addresses) != was:
        broken(BACK, f"seed {seed}: the addresses are others")
    if story.links(owner) and story.accounts.open:
        broken(BACK, f"seed {seed}: the thief's session is still there")
    if (story.alone("reset thief"), story.alone(f"reset {name}")) != ("400", "reset"):
        broken(BACK, f"seed {seed}: the password cannot be reset by the owner alone")


def loss(seed: int) -> None:
    """An owner gets rid of a lost mailbox, whose finder presses what comes. Raises ``Broken`` if that is of use."""
    chance = Random(seed)  # noqa: S311  an order, no secret
    story = _Story(chance, _LOSS, [(OLDER, chance.choice((30, 60)) * _DAY), (OLD, chance.choice((8, 30)) * _DAY)])
    story.run()
    story.alone("drop old")
    story.world.clock.advance(61_000)
    story.alone("deliver")
    story.alone("mine older")
    if not story.confirmed or not story.accounts.open:
        return  # the finder was first
    before = len(story.links(OLD))
    story.world.clock.advance(2 * _HOUR)
    story.alone("deliver")
    for message in story.links(OLD):
        story.press(message)
    if len(story.links(OLD)) > before or OLD in story.addresses or not story.accounts.open:
        broken(OUT, f"seed {seed}: the removed address got something")


def explore_undo(seeds: Iterable[int] = range(1000), stories: Sequence[Callable[[int], None]] = (theft, loss)) -> int:
    """Run the schedules of each seed; return how many there were. Raises ``Broken`` with the seed."""
    done = 0
    for seed in seeds:
        for story in stories:
            story(seed)
            done += 1
    return done


async def _awaited(doing: Awaitable[Any]) -> Any:
    return await doing
