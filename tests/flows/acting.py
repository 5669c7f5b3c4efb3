"""What the tests of the flows share: short ways to act, and ports with something done before each call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import parse_qs, urlsplit

from matrix_threepid import AccountThreepid, Limit, Limits, Medium, Purpose, Response, run_sync
from matrix_threepid.model.message import TokenMessage
from matrix_threepid.testing import ALICE, BOB, PASSWORD, World
from matrix_threepid.uia import Proof

SUBMIT = "/_matrix/client/unstable/threepid/email/submit_token"


STAGE = "m.login.email.identity"


PURPOSES = ("add", "register", "password")


HOUR = 3_600_000


DAY = 24 * HOUR


FORM = {"content-type": "application/x-www-form-urlencoded"}


PORTS = ("sessions", "accounts", "limiter", "rules", "callers", "uia")


MINUTE = 60_000


ADD = "/account/3pid/add"


AUTH_FAILED = (403, "M_THREEPID_AUTH_FAILED")


PATHS = {"add": "/account/3pid", "register": "/register", "password": "/account/password"}


BODY = {"email": "alice@example.org", "client_secret": "secret", "send_attempt": 1}


PATH = "/account/3pid/email/requestToken"


def give(world: World, address: str = "bob@example.org", user: str = BOB, spelling: str | None = None) -> None:
    """Put an address on an account, as a host that had it before the library came."""
    held = AccountThreepid(medium=Medium.EMAIL, address=address, validated_at=1, added_at=2, spelling=spelling)
    run_sync(world.accounts.add(user, held))


def ask_for(world: World, purpose: str, address: str = "alice@example.org", **more: Any) -> Response:
    """Ask for a mail for any purpose; for a password the address is on Alice's account first."""
    if purpose == "password":
        give(world, address.lower(), ALICE)
    return world.ask(address, purpose=purpose, **more)


def proved_for(world: World, purpose: str, address: str = "alice@example.org", **more: Any) -> str:
    """Ask, read the mail, confirm; return the ``sid``."""
    sid: str = ask_for(world, purpose, address, **more).json()["sid"]
    world.confirm()
    return sid


def token_of(message: TokenMessage) -> str:
    """Return the token in a message's link, or its code."""
    return message.code or parse_qs(urlsplit(message.link or "").query)["token"][0]


def submit(world: World, sid: str, token: Any, secret: Any = "secret", **more: Any) -> Response:
    """Post a token as JSON."""
    return world.post(SUBMIT, {"sid": sid, "client_secret": secret, "token": token}, **more)


def refusal(response: Response) -> tuple[int, str]:
    """Return status and errcode."""
    return response.status, response.json()["errcode"]


def stage(
    world: World,
    sid: str,
    purpose: str,
    uia: str = "u1",
    user: str | None = None,
    name: str = STAGE,
    secret: str = "secret",
) -> Proof:
    """Offer a session to a stage of user-interactive authentication."""
    auth = {"type": name, "threepid_creds": {"sid": sid, "client_secret": secret}}
    return run_sync(world.stages.check(name, auth, uia, Purpose(purpose), user))


def dump(world: World) -> list[Any]:
    """Return every session stored."""
    return list(world.homeserver.sessions.dump())  # type: ignore[attr-defined]


def deliver(world: World) -> int:
    """Let a worker send what is due."""
    return run_sync(world.service.deliver_due())


class Wrapped:
    """A port with something done before each of its calls."""

    def __init__(self, port: Any, before: Callable[[str], Awaitable[None]]) -> None:
        self._port, self._before = port, before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not iscoroutinefunction(method):
            return method

        async def call(*values: Any, **named: Any) -> Any:
            await self._before(name)
            return await method(*values, **named)

        return call


def recorded(world: World) -> list[str]:
    """Return the list that every later call of a port is noted in, as ``port.method``."""
    trace: list[str] = []

    def recorder(port: str) -> Callable[[str], Awaitable[None]]:
        async def note(method: str) -> None:
            trace.append(f"{port}.{method}")

        return note

    wrapped = {name: Wrapped(getattr(world.homeserver, name), recorder(name)) for name in PORTS}
    senders = {medium: Wrapped(sender, recorder("sender")) for medium, sender in world.homeserver.senders.items()}
    world.rewire(**wrapped, senders=senders)
    return trace


def finished(world: World, sid: str, secret: str = "secret", user: str = ALICE) -> dict[str, Any]:
    """Return a body of /add whose authentication will be complete."""
    body = {"sid": sid, "client_secret": secret}
    session = world.post(ADD, body, user).json()["session"]
    return {**body, "auth": {"type": "m.login.password", "password": PASSWORD, "session": session}}


class Crash(BaseException):
    """The process dies here."""


async def crash() -> None:
    """Die in the middle of a sending."""
    raise Crash


MANY = Limit(1_000_000, 1000)


def limited(**limits: Any) -> dict[str, Any]:
    return {
        "limits": Limits(
            **{
                "per_address": MANY,
                "per_client": MANY,
                "per_user": MANY,
                "changes": MANY,
                "bindings": MANY,
                "apart": 0,
                "mails_a_day": 1000,
                "sms_a_day": 1000,
                **limits,
            }
        )
    }
