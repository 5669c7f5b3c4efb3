"""The people of a schedule and what they do over HTTP; each act is a method, its values are words of the schedule."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from ...callbacks.report import Report, events_of
from ...flows.delivery import record_delivery
from ...model.delivery import DeliveryStatus
from ...model.message import MessageKind, TokenMessage
from ...model.threepid import Medium, Purpose
from ...protocol.wire import Response
from ..fake_accounts import PASSWORD
from .cast import ADDRESSES, SERVERS, USERS
from .host import Host, secret_of
from .tasks import Task

_PATHS = {"add": "/account/3pid", "register": "/register", "password": "/account/password"}
_SAID = {DeliveryStatus.BOUNCED.value: "5.1.1"}
_FORM = {"content-type": "application/x-www-form-urlencoded"}


class People(Host):
    """People who ask, read their messages, and call their homeserver."""

    async def _ask(self, task: Task, purpose: str, name: str, secret: str, attempt: str = "1") -> str:
        threepid, user = ADDRESSES[name], USERS[task.call.who] if purpose == "add" else None
        named = (
            {"email": threepid.address}
            if threepid.medium is Medium.EMAIL
            else {"country": "GB", "phone_number": f"+{threepid.address}"}
        )
        body = {**named, "client_secret": secret_of(secret), "send_attempt": int(attempt)}
        response = await self._post(task, f"{_PATHS[purpose]}/{threepid.medium.value}/requestToken", body, user)
        if response.status == 200:
            sid = response.json()["sid"]
            self.ledger.given(sid, Purpose(purpose), threepid, user)
            self.sids[task.call.who, purpose, name, secret] = sid
        return _told(response)

    async def _type(self, task: Task, purpose: str, name: str, secret: str, which: str = "right") -> str:
        threepid, sid = ADDRESSES[name], self.sid(task, purpose, name, secret)
        read = [message for message in self._read(name) if message.code or f"sid={sid}&" in (message.link or "")]
        token = _token(read[-1]) if which == "right" and read else "000000"
        self.ledger.submitted(sid, token, threepid)
        body = {"sid": sid, "client_secret": secret_of(secret), "token": token}
        path = f"/_matrix/client/unstable/threepid/{threepid.medium.value}/submit_token"
        return _told(await self._post(task, path, body))

    async def _press(self, task: Task, name: str, which: str = "newest", **more: str) -> str:
        links = [message for message in self._read(name) if message.link]
        if not links:
            return "no mail"
        parts = urlsplit(links[0 if which == "oldest" else -1].link or "")
        fields = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if not more:
            self.ledger.submitted(fields["sid"], fields["token"], ADDRESSES[name])
        form = urlencode({**fields, **more}).encode()
        return _told(await self._call(task, "POST", parts.path, form, headers=_FORM))

    async def _disown(self, task: Task, name: str, which: str = "newest") -> str:
        return await self._press(task, name, which, answer="refuse")

    async def _report(self, task: Task, name: str, status: str) -> str:
        """Let the provider report what became of the newest message to an address."""
        hs = self.world.homeserver
        sent = [message for message in self._read(name) if message.message_id is not None]
        if not sent:
            return "no message"
        said = Report(message=sent[-1].message_id, status=DeliveryStatus(status), said=_SAID.get(status, ""))
        for event in events_of(hs.peppers, "smtp", [said], self.world.clock()):
            await record_delivery(hs, event)
        return status

    async def _add(self, task: Task, name: str, secret: str, asked_by: str = "", path: str = "/add") -> str:
        user, sid = USERS[task.call.who], self.sid(task, "add", name, secret, asked_by)
        creds: dict[str, Any] = {"sid": sid, "client_secret": secret_of(secret)}
        body = creds if path else {"three_pid_creds": creds}
        response = await self._post(task, f"/account/3pid{path}", body, user, last=not path)
        if response.status == 401 and "session" in response.json():
            auth = {"type": "m.login.password", "password": PASSWORD, "session": response.json()["session"]}
            response = await self._post(task, f"/account/3pid{path}", {**body, "auth": auth}, user, last=False)
        self.ledger.ends(task, response.status)
        if response.status == 200:
            self.ledger.added(task, user, ADDRESSES[name])
        return _told(response)

    async def _legacy(self, task: Task, name: str, secret: str, asked_by: str = "") -> str:
        return await self._add(task, name, secret, asked_by, path="")

    async def _misuse(self, task: Task, name: str, secret: str, purpose: str) -> str:
        """Add by a session that was opened for another purpose."""
        self.sids[task.call.who, "add", name, secret] = self.sid(task, purpose, name, secret)
        return await self._add(task, name, secret)

    async def _list(self, task: Task) -> str:
        return _told(await self._call(task, "GET", "/account/3pid", user=USERS[task.call.who]))

    async def _delete(self, task: Task, name: str, server: str = "") -> str:
        response = await self._post(task, "/account/3pid/delete", _named(name, server), USERS[task.call.who])
        if response.status == 200:
            self.ledger.removed(task, USERS[task.call.who], ADDRESSES[name])
        return _told(response)

    async def _unbind(self, task: Task, name: str, server: str = "") -> str:
        return _told(await self._post(task, "/account/3pid/unbind", _named(name, server), USERS[task.call.who]))

    async def _bind(self, task: Task, name: str, server: str) -> str:
        body = {"id_server": SERVERS[int(server)], "id_access_token": "a token", "client_secret": "secret"}
        body["sid"] = f"{task.call.who}-{name}"
        response = await self._post(task, "/account/3pid/bind", body, USERS[task.call.who])
        if response.status == 200:
            self.ledger.bound(task, USERS[task.call.who], ADDRESSES[name], SERVERS[int(server)])
        return _told(response)

    def _read(self, name: str) -> list[TokenMessage]:
        """Return the messages with tokens that came to an address, the oldest first."""
        threepid = ADDRESSES[name]
        box = self.world.outbox if threepid.medium is Medium.EMAIL else self.world.sms
        return [m for m in box.messages if m.recipient == threepid.address and m.kind is MessageKind.TOKEN]

    async def _post(self, task: Task, path: str, body: Any, user: str | None = None, *, last: bool = True) -> Response:
        return await self._call(task, "POST", path, body, user, last=last)

    async def _call(self, task: Task, method: str, path: str, *values: Any, last: bool = True, **more: Any) -> Response:
        response = await self.world.acall(method, path, *values, **more)
        if last:
            self.ledger.ends(task, response.status)
        return response


def _named(name: str, server: str) -> dict[str, str]:
    named = {"medium": ADDRESSES[name].medium.value, "address": ADDRESSES[name].address}
    return {**named, "id_server": SERVERS[int(server)]} if server else named


def _token(message: TokenMessage) -> str:
    return message.code or parse_qs(urlsplit(message.link or "").query)["token"][0]


def _told(response: Response) -> str:
    try:
        return f"{response.status} {response.json().get('errcode', '')}".strip()
    except ValueError:
        return str(response.status)
