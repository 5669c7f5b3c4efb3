"""What the tests of numbers share: a world with SMS on, and short ways to ask and submit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matrix_threepid import Medium, Response
from matrix_threepid.policy import SmsRules
from matrix_threepid.testing import GENEROUS_SMS, Outbox, World

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ASK, SUBMIT = "/account/3pid/msisdn/requestToken", "/_matrix/client/unstable/threepid/msisdn/submit_token"
DENIED, LIMITED = (403, "M_THREEPID_DENIED"), (429, "M_LIMIT_EXCEEDED")
INCORRECT = (400, "M_TOKEN_INCORRECT")


def texting(make_world: Callable[..., World], sms: SmsRules = GENEROUS_SMS, **more: Any) -> World:
    """Return a world that sends SMS; they land in its ``sms``."""
    box = Outbox()
    world = make_world({"sms": sms, **more.pop("policy", {})}, senders={Medium.MSISDN: box}, **more)
    world.sms = box
    return world


def ask(world: World, number: str = "+447700900001", country: str = "GB", **more: Any) -> Response:
    """Ask for an SMS. ``path``: another endpoint than that for adding; ``secret``, ``attempt``: of the request."""
    body = asking(number, country, more.pop("secret", "secret"), more.pop("attempt", 1))
    return world.post(more.pop("path", ASK), body, **more)


def asked(world: World, secret: str = "secret", **more: Any) -> tuple[str, str]:
    """Ask for an SMS; return session and code."""
    sid = ask(world, secret=secret, **more).json()["sid"]
    return sid, world.sms.last.code or ""


def asking(number: str, country: str = "GB", secret: str = "secret", attempt: int = 1) -> dict[str, Any]:
    """Return the body of a request for an SMS."""
    return {"country": country, "phone_number": number, "client_secret": secret, "send_attempt": attempt}


def asks(world: World, numbers: Any, **more: Any) -> list[Any]:
    """Ask for a message to each number, each time as another client; return the outcomes."""
    clients = (f"2001:db8:{count:x}::1" for count in range(1, 10_000))
    return [outcome(ask(world, f"+{number}", client=next(clients), secret=f"s{number}", **more)) for number in numbers]


def submit(world: World, sid: str, code: str, secret: str = "secret", **more: Any) -> Response:
    """Type a code."""
    return world.post(SUBMIT, {"sid": sid, "client_secret": secret, "token": code}, **more)


def outcome(response: Response) -> Any:
    """Return the status, with the errcode of a refusal."""
    return 200 if response.status == 200 else (response.status, response.json()["errcode"])


def wrong(code: str) -> str:
    """Return a code that is not this one."""
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))


def guess_wrong(world: World, numbers: range) -> None:
    """Ask for one SMS to each number, as another client each, and mistype its code."""
    for number in numbers:
        sid, code = asked(world, f"s{number}", number=f"+4477009{number:05}", client=f"10.0.0.{number}")
        assert outcome(submit(world, sid, wrong(code), f"s{number}")) == INCORRECT
