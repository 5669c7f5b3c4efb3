"""The works: each is one call (or one story) of a person, whose outcome is checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Any

from attrs import define, field, frozen

from .client import Connection, WrongError
from .servers import Server
from .sinks import Identity, Mails

BASE = "/_matrix/client/v3"
PASSWORD = "correct horse battery staple"


@define
class Person:
    """Somebody with an account. ``client``: their address; the rest is of the address they prove at the moment."""

    user_id: str
    token: str = field(repr=False)
    client: str
    address: str = ""
    secret: str = field(default="", repr=False)
    sid: str = ""

    def begins_anew(self) -> None:
        """Take an address nobody has seen."""
        self.address = f"p{token_hex(8)}@mail{int(self.client.rpartition('.')[2]) % 50}.example.org"
        self.secret, self.sid = token_hex(16), ""

    @property
    def proof(self) -> dict[str, str]:
        return {"sid": self.sid, "client_secret": self.secret}


@frozen
class Site:
    """A server with what stands around it."""

    server: Server
    mails: Mails
    identity: Identity

    # -- before anything is timed ---------------------------------------------------------------------

    async def register(self, connection: Connection, number: int) -> Person:
        """Make an account."""
        client = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        body: dict[str, Any] = {"username": f"u{token_hex(8)}", "password": PASSWORD}
        session = (await connection.call("POST", f"{BASE}/register", body, client=client)).expect(401).body
        auth = {"type": "m.login.dummy", "session": _session(session)}
        given = (await connection.call("POST", f"{BASE}/register", {**body, "auth": auth}, client=client)).json()
        return Person(given["user_id"], given["access_token"], client)

    # -- the works --------------------------------------------------------------------------------------

    async def versions(self, on: Connection, person: Person) -> None:
        _right("versions" in (await on.call("GET", "/_matrix/client/versions", client=person.client)).json())

    async def request_token(self, on: Connection, person: Person) -> None:
        body = {"email": person.address, "client_secret": person.secret, "send_attempt": 1}
        person.sid = (await self._post(on, person, "/account/3pid/email/requestToken", body))["sid"]

    async def repeated(self, on: Connection, person: Person) -> None:
        before = person.sid
        await self.request_token(on, person)
        _right(person.sid == before and len(self.mails.came.get(person.address, ())) == 1)

    async def page(self, on: Connection, person: Person) -> None:
        answer = await on.call("GET", await self.mails.link(person.address), client=person.client)
        _right(b"<form" in answer.expect(200).body)

    async def submit(self, on: Connection, person: Person) -> None:
        path, _, query = (await self.mails.link(person.address)).partition("?")
        if self.server.page:
            (await on.call("POST", path, query, client=person.client, form=True)).expect(303)
        else:
            (await on.call("GET", f"{path}?{query}", client=person.client)).expect(200)

    async def add(self, on: Connection, person: Person) -> None:
        """Two calls: the first is told to authenticate."""
        target, token = f"{BASE}/account/3pid/add", person.token
        asked = (await on.call("POST", target, person.proof, token=token, client=person.client)).expect(401)
        who = {"type": "m.id.user", "user": person.user_id}
        auth = {"type": "m.login.password", "identifier": who, "password": PASSWORD, "session": _session(asked.body)}
        await self._post(on, person, "/account/3pid/add", {**person.proof, "auth": auth})

    async def add_by_old_post(self, on: Connection, person: Person) -> None:
        await self._post(on, person, "/account/3pid", {"three_pid_creds": person.proof})

    async def list(self, on: Connection, person: Person) -> None:
        answer = await on.call("GET", f"{BASE}/account/3pid", token=person.token, client=person.client)
        _right(person.address in [each["address"] for each in answer.json()["threepids"]])

    async def log_in(self, on: Connection, person: Person) -> None:
        who = {"type": "m.id.thirdparty", "medium": "email", "address": person.address}
        body = {"type": "m.login.password", "identifier": who, "password": PASSWORD}
        _right((await on.call("POST", f"{BASE}/login", body, client=person.client)).json()["user_id"] == person.user_id)

    async def bind(self, on: Connection, person: Person) -> None:
        server = {"id_server": f"localhost:{self.identity.port}", "id_access_token": person.secret}
        proof = {"sid": person.address.replace("@", "="), "client_secret": person.secret}
        await self._post(on, person, "/account/3pid/bind", {**server, **proof})
        _right(self.identity.published.get(person.address) == person.user_id)

    async def unbind(self, on: Connection, person: Person) -> None:
        said = await self._post(on, person, "/account/3pid/unbind", {"medium": "email", "address": person.address})
        _right(said["id_server_unbind_result"] == "success" and person.address not in self.identity.published)

    async def delete(self, on: Connection, person: Person) -> None:
        said = await self._post(on, person, "/account/3pid/delete", {"medium": "email", "address": person.address})
        _right("id_server_unbind_result" in said)

    async def cycle(self, on: Connection, person: Person) -> None:
        """From the first call to the deletion; a server without a page has its link alone."""
        steps = [self.request_token, self.page, self.submit, self.add_by_old_post, self.bind, self.unbind, self.delete]
        for step in steps:
            if step != self.page or self.server.page:
                await step(on, person)

    async def _post(self, on: Connection, person: Person, path: str, body: Any) -> Any:
        return (await on.call("POST", f"{BASE}{path}", body, token=person.token, client=person.client)).json()


Act = Callable[[Site, Connection, Person], Awaitable[None]]
STORY: dict[str, Act] = {
    "versions": Site.versions,
    "request_token": Site.request_token,
    "repeated": Site.repeated,
    "page": Site.page,
    "submit": Site.submit,
    "add": Site.add,
    "add_by_old_post": Site.add_by_old_post,
    "list": Site.list,
    "log_in": Site.log_in,
    "bind": Site.bind,
    "unbind": Site.unbind,
    "delete": Site.delete,
}
"""The works in the order in which each needs what those before it did."""
CYCLE: dict[str, Act] = {"cycle": Site.cycle}
TOGETHER: dict[str, Act] = {"bind_together": Site.bind}
"""Everybody binds at one identity server."""


def _session(body: bytes) -> str:
    import json

    return str(json.loads(body)["session"])


def _right(outcome: bool) -> None:
    if not outcome:
        raise WrongError("the outcome is not right")
