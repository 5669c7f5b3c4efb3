"""How people come to where a unit starts: they have asked, got their mail, confirmed."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen

from matrix_threepid.model.message import TokenMessage
from matrix_threepid.model.threepid import Purpose
from matrix_threepid.offload import run_sync
from matrix_threepid.protocol.wire import Request, Response
from matrix_threepid.testing import World

from ..setting import Setting

ASK = {
    Purpose.ADD: "/account/3pid/email/requestToken",
    Purpose.REGISTER: "/register/email/requestToken",
    Purpose.PASSWORD: "/account/password/email/requestToken",
}
"""The requestToken endpoints."""


@frozen(kw_only=True)
class TokenRequest:
    """Somebody who has asked for a mail and got it."""

    user: str
    secret: str
    address: str
    client: str
    sid: str
    path: str
    query: str

    @property
    def proof(self) -> dict[str, str]:
        """What a client sends to refer to the session."""
        return {"sid": self.sid, "client_secret": self.secret}

    @property
    def token(self) -> str:
        """The token of the link."""
        return dict(parse_qsl(self.query))["token"]


def ask_request(setting: Setting, world: World, purpose: Purpose = Purpose.ADD, **body: object) -> Request:
    """Return a stranger's first requestToken."""
    people = setting.people
    whole = {"email": people.address(), "client_secret": people.secret(), "send_attempt": 1, **body}
    user = None if purpose is Purpose.REGISTER else people.user()
    return world.request("POST", ASK[purpose], whole, user, client=people.client())


def asked(setting: Setting, world: World) -> list[TokenRequest]:
    """Return one stranger an operation, who has got a mail."""
    return [_asked(setting, world) for _ in range(setting.ops)]


def _asked(setting: Setting, world: World) -> TokenRequest:
    request = ask_request(setting, world)
    answer = run_sync(world.service.handle(request))
    return read_mail(request, answer, world.outbox.last)


def read_mail(request: Request, answer: Response, message: TokenMessage) -> TokenRequest:
    """Return who asked, with the link of their mail."""
    body, link = json.loads(request.body), urlsplit(message.link or "")
    return TokenRequest(
        user=request.headers["authorization"].removeprefix("Bearer "),
        secret=body["client_secret"],
        address=message.recipient,
        client=request.client or "",
        sid=answer.json()["sid"],
        path=link.path,
        query=link.query,
    )


def confirm_request(world: World, person: TokenRequest) -> Request:
    """Return the form of the page behind the link."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return world.request("POST", person.path, person.query.encode(), headers=kind, client=person.client)


def proved(setting: Setting, world: World) -> list[TokenRequest]:
    """Return one stranger an operation, whose session is validated."""
    people = asked(setting, world)
    for person in people:
        run_sync(world.service.handle(confirm_request(world, person)))
    return people
