"""People under an outage: each wants one thing, and tries again until it is done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import define, field

from ...model.lookup import hashed
from ...model.message import TokenMessage
from ...model.threepid import AccountThreepid, Medium, Threepid
from ...protocol.wire import Request, Response
from ..fake_accounts import PASSWORD
from .servers import HOMESERVER, IDENTITY_SERVER
from .steps import DONE, Step
from .town import Town

_CLIENT, _IDENTITY = "/_matrix/client/v3", "/_matrix/identity/v2"
_READING, _PATIENCE = 1.0, 30.0
"""The s until a person looks for a message again, and asks for another message."""
_NEW_PASSWORD = "another long password"
_FORM = "application/x-www-form-urlencoded"


@define(eq=False)
class Person:
    """Somebody with an account.

    * ``town``: the servers.
    * ``number``: tells people apart.
    * ``rests_before``, ``until``: the step before which the person waits, and until when, in s: so every step is met by
      an outage, also one that comes after another that cannot succeed then.
    * ``again``: the s until the person tries again what did not succeed.
    * ``token``: the access token at the identity server; empty before the log-in.
    * ``added``: whether the address is on the account; ``None`` while nothing was promised.
    * ``published``: whether the identity server publishes the address; ``None`` while nothing was promised.
    * ``password``: the password that was set; empty while none was.
    * ``last``: the last answer that was not good.
    """

    town: Town
    number: int
    rests_before: Step | None = None
    until: float = 0.0
    again: float = 5.0
    token: str = field(default="", repr=False)
    added: bool | None = None
    published: bool | None = None
    password: str = field(default="", repr=False)
    last: str = ""

    @property
    def user(self) -> str:
        """The user id, which is the access token at the homeserver as well."""
        return f"@user{self.number}:{HOMESERVER}"

    @property
    def mail(self) -> Threepid:
        """The mail address."""
        return Threepid(Medium.EMAIL, f"user{self.number}@example.org")

    @property
    def phone(self) -> Threepid:
        """The phone number."""
        return Threepid(Medium.MSISDN, f"4474001{self.number:05}")

    # -- what people want ---------------------------------------------------------------------------

    async def add_mail(self) -> None:
        """Prove a mail address, add it, and look at the list."""
        sid = await self._proved_by_mail()
        await self._add(sid)
        listed = await self._insist(Step.LIST, self._get("/account/3pid"))
        assert [each["address"] for each in listed.json()["threepids"]] == [self.mail.address]

    async def add_phone(self) -> None:
        """Prove a number, and add it."""
        body = {"country": "GB", "phone_number": f"+{self.phone.address}", "client_secret": "secret"}
        path = "/account/3pid/msisdn/requestToken"
        asked, message = await self._asked(Step.ASK_SMS, HOMESERVER, path, body)
        while not await self._submitted(Step.SUBMIT, HOMESERVER, urlsplit(asked["submit_url"]).path, asked, message):
            asked, message = await self._asked(Step.ASK_SMS, HOMESERVER, path, body, message)
        await self._add(asked["sid"])

    async def publish(self) -> None:
        """Prove a mail address at the identity server, bind it, find it, and unbind it."""
        await self.bind()
        assert await self._look_up() == self.user
        await self._insist(Step.UNBIND, self._post("/account/3pid/unbind", self._named()))
        self.published = False

    async def publish_and_delete(self) -> None:
        """Add a mail address, bind it, and delete it from the account."""
        await self._add(await self._proved_by_mail())
        await self.bind()
        await self._insist(Step.DELETE, self._post("/account/3pid/delete", self._named()))
        self.added = self.published = False

    async def register(self) -> None:
        """Prove a mail address, and make an account with it."""
        sid = await self._proved_by_mail("/register")
        body = {"username": f"user{self.number}", "password": _NEW_PASSWORD}
        await self._authenticated(Step.REGISTER, "/register", body, sid)
        self.added, self.password = True, _NEW_PASSWORD

    async def reset(self) -> None:
        """Set another password of an account, by the mail address on it."""
        keeper = self.town.homeserver.keeper
        assert keeper is not None
        held = AccountThreepid(medium=self.mail.medium, address=self.mail.address, validated_at=0, added_at=0)
        await keeper.create(self.user, await keeper.hash_password(PASSWORD), [held])
        sid = await self._proved_by_mail("/account/password")
        await self._authenticated(Step.RESET, "/account/password", {"new_password": _NEW_PASSWORD}, sid)
        self.added, self.password = True, _NEW_PASSWORD

    async def look(self) -> None:
        """Look at what changes nothing, and log in at the identity server once more."""
        await self._insist(Step.LIST, self._get("/account/3pid"))
        await self._look_up()
        await self._insist(Step.KEYS, self._get("/pubkey/isvalid", IDENTITY_SERVER, {"public_key": "a"}))
        await self._insist(Step.ALIVE, self._get("", IDENTITY_SERVER))
        await self.log_in()

    async def log_in(self) -> None:
        """Get an access token of the identity server."""
        body = {"access_token": self.user, "matrix_server_name": HOMESERVER}
        answer = await self._insist(Step.LOG_IN, self._post("/account/register", body, IDENTITY_SERVER))
        self.token = answer.json()["token"]

    # -- the steps ----------------------------------------------------------------------------------

    async def _proved_by_mail(self, path: str = "/account/3pid") -> str:
        body = {"email": self.mail.address, "client_secret": "secret"}
        path = f"{path}/email/requestToken"
        asked, message = await self._asked(Step.ASK_MAIL, HOMESERVER, path, body)
        if message.link is None:
            submit = urlsplit(asked["submit_url"]).path
            while not await self._submitted(Step.SUBMIT, HOMESERVER, submit, asked, message):
                asked, message = await self._asked(Step.ASK_MAIL, HOMESERVER, path, body, message)
            return str(asked["sid"])
        parts = urlsplit(message.link)
        await self._insist(Step.LINK, self._request("GET", parts.path, HOMESERVER, query=parts.query))
        form = urlencode(parse_qsl(parts.query)).encode()
        await self._insist(Step.CONFIRM, self._request("POST", parts.path, HOMESERVER, body=form, kind=_FORM))
        return str(asked["sid"])

    async def _submitted(
        self, step: Step, server: str, path: str, asked: Mapping[str, Any], message: TokenMessage
    ) -> bool:
        """Submit the code or token of a message; return whether it was valid.

        A code ends after some tries, each counted before it is compared, also if the database fails after that. And
        where a mail server denies a message that it has taken, the next message has another code.
        """
        token = message.code or dict(parse_qsl(urlsplit(message.link or "").query))["token"]
        sent = {"sid": asked["sid"], "client_secret": "secret", "token": token}
        return (await self._insist(step, self._post(path, sent, server), {*DONE, 400})).status != 400

    async def _add(self, sid: str) -> None:
        body: dict[str, Any] = {"sid": sid, "client_secret": "secret"}
        while True:
            answer = await self._insist(Step.ADD, self._post("/account/3pid/add", body), {*DONE, 401})
            if answer.status != 401:
                self.added = True
                return
            auth = {"type": "m.login.password", "password": PASSWORD, "session": answer.json()["session"]}
            body["auth"] = auth

    async def _authenticated(self, step: Step, path: str, body: dict[str, Any], sid: str) -> None:
        """Make a request that a proved address authenticates; without an access token."""
        creds = {"sid": sid, "client_secret": "secret"}
        while True:
            answer = await self._insist(step, self._post(path, body, anonymous=True), {*DONE, 401})
            if answer.status != 401:
                return
            session = answer.json()["session"]
            body["auth"] = {"type": "m.login.email.identity", "session": session, "threepid_creds": creds}

    async def bind(self) -> None:
        """Prove a mail address at the identity server, and bind it; needs an access token of the identity server."""
        body = {"email": self.mail.address, "client_secret": "secret"}
        path, submit = "/validate/email/requestToken", "/validate/email/submitToken"
        asked, message = await self._asked(Step.ASK_IDENTITY, IDENTITY_SERVER, path, body)
        while not await self._submitted(Step.PROVE, IDENTITY_SERVER, submit, asked, message):
            asked, message = await self._asked(Step.ASK_IDENTITY, IDENTITY_SERVER, path, body, message)
        credentials = {"sid": asked["sid"], "client_secret": "secret"}
        bind = {**credentials, "id_server": IDENTITY_SERVER, "id_access_token": self.token}
        await self._insist(Step.BIND, self._post("/account/3pid/bind", bind))
        self.published = True

    async def _look_up(self) -> str | None:
        details = (await self._insist(Step.LOOK_UP, self._get("/hash_details", IDENTITY_SERVER))).json()
        pepper = details["lookup_pepper"]
        address = hashed(self.mail, pepper)
        body = {"addresses": [address], "algorithm": "sha256", "pepper": pepper}
        answer = await self._insist(Step.LOOK_UP, self._post("/lookup", body, IDENTITY_SERVER))
        found: str | None = answer.json()["mappings"].get(address)
        return found

    async def _asked(
        self, step: Step, server: str, path: str, body: Mapping[str, Any], old: TokenMessage | None = None
    ) -> tuple[dict[str, Any], TokenMessage]:
        """Ask for a message until one other than ``old`` arrives; return the answer and the message."""
        medium, recipient = (Medium.EMAIL, self.mail) if "email" in body else (Medium.MSISDN, self.phone)
        arrived, attempt = self.town.senders[medium].arrived, 0
        while True:
            attempt += 1
            answer = await self._insist(step, self._post(path, {**body, "send_attempt": attempt}, server))
            until = self.town.passed + _PATIENCE
            while self.town.passed < until:
                await asyncio.sleep(_READING)
                if (message := arrived.get((server, recipient.address))) is not None and message is not old:
                    return answer.json(), message

    def _named(self) -> dict[str, str]:
        return {"medium": "email", "address": self.mail.address}

    # -- requests -----------------------------------------------------------------------------------

    async def _insist(self, step: Step, request: tuple[str, Request], good: Collection[int] = DONE) -> Response:
        """Make a request again and again until its answer is good."""
        if step is self.rests_before:
            await self.town.until(self.until)
        while True:
            answer = await self.town.ask(step, *request)
            if answer is not None and answer.status in good:
                return answer
            self.last = str(self.town.answers[-1])
            await asyncio.sleep(self.again)

    def _post(
        self, path: str, body: Mapping[str, Any], server: str = HOMESERVER, *, anonymous: bool = False
    ) -> tuple[str, Request]:
        return self._request("POST", path, server, body=json.dumps(body).encode(), anonymous=anonymous)

    def _get(self, path: str, server: str = HOMESERVER, query: Mapping[str, str] | None = None) -> tuple[str, Request]:
        return self._request("GET", path, server, query=urlencode(query or {}))

    def _request(
        self,
        method: str,
        path: str,
        server: str,
        *,
        body: bytes = b"",
        query: str = "",
        kind: str = "application/json",
        anonymous: bool = False,
    ) -> tuple[str, Request]:
        token = "" if anonymous else self.user if server == HOMESERVER else self.token
        headers = {"content-type": kind, **({"authorization": f"Bearer {token}"} if token else {})}
        prefix = "" if path.startswith("/_") else _CLIENT if server == HOMESERVER else _IDENTITY
        client = f"81.0.{self.number // 250}.{self.number % 250}"
        return server, Request(method, f"{prefix}{path}", headers, query=query, body=body, client=client)


Wish = Callable[[Person], Awaitable[None]]
_STEPS: Mapping[Wish, Sequence[Step]] = {
    Person.add_mail: (Step.ASK_MAIL, Step.LINK, Step.CONFIRM, Step.ADD, Step.LIST),
    Person.register: (Step.REGISTER,),
    Person.reset: (Step.RESET,),
    Person.look: (Step.LOOK_UP, Step.KEYS, Step.ALIVE, Step.LOG_IN),
    Person.publish: (Step.ASK_IDENTITY, Step.PROVE, Step.BIND, Step.UNBIND),
    Person.add_phone: (Step.ASK_SMS, Step.SUBMIT),
    Person.publish_and_delete: (Step.DELETE,),
}
WISHES: Sequence[tuple[Wish, Step]] = tuple((wish, step) for wish, steps in _STEPS.items() for step in steps)
"""What people want, and the step before which they rest: every step is there once."""
