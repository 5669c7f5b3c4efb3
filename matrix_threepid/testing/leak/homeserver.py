"""A homeserver with sessions in every state, and what somebody with a dump of it tries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from ...model.threepid import AccountThreepid, Medium, Purpose
from ...offload import run_sync
from ...protocol.errors import MatrixError
from ..fake_accounts import PASSWORD, FakeAccounts, FakeKeeper
from ..world import ALICE, BOB, World
from .scene import FORM, NoLimits, Scene, Secret

STORES = ("sessions", "limiter", "messages", "suppressions", "bindings", "reversals", "uia_sessions")
"""The stores of a homeserver, by the names that ``Homeserver`` has for them."""
_DAY, _MINUTE = 86_400_000, 60_000
_EMAIL = "m.login.email.identity"
_POLICY: Mapping[str, Any] = {
    "undo_links": True,
    "hide_known_addresses": True,  # for decoys; messages then wait for a worker
    "password_reset_by": "both",
}
_UIA = "the id of a session of user-interactive authentication"
_OWN = "rSYwdYLoiWqTsvvTLZKTVkNF"
_THIEF = "@mallory:hs.example.org"


class _Host:
    """The world of a scene, and short ways to act in it."""

    def __init__(self, stores: Mapping[str, Any]) -> None:
        accounts = FakeAccounts()
        keeper = FakeKeeper(accounts)
        flows = [[_EMAIL, "m.login.dummy"]]
        self.world = World(_POLICY, accounts=accounts, keeper=keeper, uia=None, registration_flows=flows, **stores)
        self.world.accounts = accounts
        self.world.rewire(senders={Medium.EMAIL: self.world.outbox, Medium.MSISDN: self.world.sms})
        self.scene = Scene(self.world.homeserver)
        hashed = run_sync(_hash(keeper))
        for user in (ALICE, BOB, _THIEF):
            address = f"{user[1:].partition(':')[0]}@example.org"
            held = AccountThreepid(medium=Medium.EMAIL, address=address, validated_at=1, added_at=1)
            run_sync(keeper.create(user, hashed, [held]))

    def ask(self, state: str, purpose: str = "add", address: str | None = None, **more: Any) -> tuple[str, str]:
        """Ask for a mail; return the session and its client secret."""
        secret = f"client.secret-{len(self.scene.states)}"
        asked = self.world.ask(address or f"{len(self.scene.states)}@example.net", secret, purpose=purpose, **more)
        return self.scene.opened(state, asked.json()["sid"], secret), secret

    def text(self, state: str, number: str) -> tuple[str, str]:
        """Ask for an SMS; return the session and its client secret."""
        secret = f"client.secret-{len(self.scene.states)}"
        body = {"country": "GB", "phone_number": number, "client_secret": secret, "send_attempt": 1}
        asked = self.world.post("/account/3pid/msisdn/requestToken", body)
        return self.scene.opened(state, asked.json()["sid"], secret), secret

    def prove(self, state: str, purpose: str = "add", address: str | None = None, **more: Any) -> tuple[str, str]:
        """Ask for a mail, read it and confirm; return the session and its client secret."""
        opened = self.ask(state, purpose, address, **more)
        self.deliver()
        self.world.confirm()
        return opened

    def deliver(self) -> None:
        """Send what is due."""
        while run_sync(self.world.service.deliver_due()):
            pass

    def stage(self, path: str, body: Mapping[str, Any], opened: tuple[str, str]) -> None:
        """Complete the stage that proves an address, and nothing else."""
        session = self.world.post(path, body).json()["session"]
        creds = {"sid": opened[0], "client_secret": opened[1]}
        self.world.post(path, {"auth": {"type": _EMAIL, "session": session, "threepid_creds": creds}})
        self.scene.secrets.append(Secret(_UIA, session))

    def claim(self, opened: tuple[str, str]) -> None:
        """Claim a session as a host does that has sessions of user-interactive authentication of its own."""
        creds = {"threepid_creds": {"sid": opened[0], "client_secret": opened[1]}}
        run_sync(self.world.stages.check(_EMAIL, creds, _OWN, Purpose.REGISTER))
        self.scene.secrets.append(Secret(_UIA, _OWN))


async def _hash(keeper: FakeKeeper) -> str:
    return await keeper.hash_password(PASSWORD)


def of_homeserver(stores: Mapping[str, Any]) -> Scene:
    """Return a homeserver over these stores, with sessions in every state."""
    host = _Host(stores)
    world, scene = host.world, host.scene
    host.ask("expired")
    host.deliver()
    world.clock.advance(2 * _DAY)
    host.ask("ended")
    host.deliver()
    world.confirm(answer="refuse")
    used = host.prove("consumed", user=ALICE)
    assert world.add(*used, ALICE).status == 200
    world.clock.advance(2 * _MINUTE)  # the mail by which the change can be undone is due
    host.deliver()
    host.prove("validated")
    host.prove("validated, of a user", user=ALICE)
    host.stage("/account/password", {}, host.prove("claimed for a password", "password", "bob@example.org"))
    new = {"username": "carol", "password": PASSWORD}
    host.stage("/register", new, host.prove("claimed for a registration", "register"))
    host.claim(host.prove("claimed by the host", "register"))
    host.ask("a decoy", "register", "bob@example.org")
    host.ask("sent by mail")
    host.ask("sent with a code and a link", "password", "alice@example.org")
    host.text("sent by SMS", "07700 900123")
    host.deliver()
    host.ask("waiting for a mail")
    host.text("waiting for an SMS", "07700 900124")
    scene.told([*world.outbox.messages, *world.sms.messages])
    scene.derived()
    scene.secrets.append(Secret("a password", PASSWORD, guessed=True))
    world.rewire(limiter=NoLimits())
    scene.role = world.homeserver
    scene.attempts = _attempts(host)
    return scene


def _attempts(host: _Host) -> list[tuple[str, Callable[[str], bool]]]:
    world, scene = host.world, host.scene
    attempts: list[tuple[str, Callable[[str], bool]]] = []
    for sid, state in scene.states.items():
        url = world.homeserver.submit_url(scene.session(sid).threepid.medium)
        attempts.append((f"validate a session that is {state}", scene.validates(world.call, sid, url, url)))
        attempts.append((f"redeem a session that is {state}", _redeems(world, scene, sid)))
    others = {
        "set the password of somebody who has proved an address": _goes_on(world, "/account/password"),
        "log in with an account that somebody registers": _goes_on(world, "/register"),
        "undo changes of an account": _undoes(world),
    }
    return [*attempts, *others.items()]


def _redeems(world: World, scene: Scene, sid: str) -> Callable[[str], bool]:
    """Return what tries a text as client secret, as the user whose session it is, or as anybody.

    A session that is claimed is tried with its client secret, and the text as the id of what has claimed it.
    """
    stored, secret = scene.session(sid), scene.client_secret(sid)

    async def stage(client_secret: str, uia_session: str) -> bool:
        creds = {"threepid_creds": {"sid": sid, "client_secret": client_secret}}
        try:
            await world.stages.check(_EMAIL, creds, uia_session, stored.purpose)
        except MatrixError:
            return False
        return True

    if stored.purpose is Purpose.ADD:
        return lambda word: world.add(sid, word, stored.owner or _THIEF).status == 200
    if stored.claimed_by is not None:
        return lambda word: run_sync(stage(secret, word))
    return lambda word: run_sync(stage(word, "another"))


def _goes_on(world: World, path: str) -> Callable[[str], bool]:
    """Return what tries a text as the id of a session of user-interactive authentication."""
    stage = {"type": "m.login.dummy"} if path == "/register" else {}
    more = {} if path == "/register" else {"new_password": "a password of the thief"}
    return lambda word: world.post(path, {**more, "auth": {**stage, "session": word}}).status == 200


def _undoes(world: World) -> Callable[[str], bool]:
    """Return what tries a text as the token of an undo link."""
    link = next(message.link for message in world.outbox.messages if "/undo/" in (message.link or ""))
    parts = urlsplit(link or "")

    def attempt(word: str) -> bool:
        form = urlencode({**dict(parse_qsl(parts.query)), "token": word}).encode()
        return world.call("POST", parts.path, form, headers=FORM).status == 200

    return attempt
