"""Servers that break one rule each: the example with one part exchanged, or with something in front of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any
from urllib.parse import urlencode

from attrs import evolve, field, fields_dict, frozen

from examples.homeserver.accounts import Accounts
from examples.homeserver.devices import Devices
from examples.homeserver.home import Home
from examples.homeserver.passwords import Passwords
from matrix_threepid import AccountThreepid, AddOutcome, Threepid
from matrix_threepid.hosts.asgi import App
from matrix_threepid.model.identity import Done, ServerRefused, Unreachable
from matrix_threepid.model.session import Session
from matrix_threepid.model.threepid import Purpose
from matrix_threepid.ports._checked import given
from matrix_threepid.stores.sql import SqlSessions

from .front import Changed, Exchange, rewritten


def replaced(part: object, cls: type[Any]) -> Any:
    """Return a part as another class that has the same members."""
    other = cls.__new__(cls)
    other.__dict__.update(vars(given(part)))
    return other


# -- accounts -----------------------------------------------------------------------------------


class MovesAddresses(Accounts):
    """Gives an address to whoever proved it last."""

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        owner = await self.owner(threepid.threepid)
        if owner is not None:
            await self.remove(owner.user_id, threepid.threepid)
        return await super().add(user_id, threepid)


class DeletesForAnybody(Accounts):
    """Takes an address off whatever account has it."""

    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        owner = await self.owner(threepid)
        return owner is not None and await super().remove(owner.user_id, threepid)


class ListsSpellings(Accounts):
    """Lists addresses as they were typed."""

    async def list(self, user_id: str) -> Sequence[AccountThreepid]:
        return [evolve(each, address=each.spelling or each.address) for each in await super().list(user_id)]


class KeepsAddressesOfTheDeparted(Accounts):
    """Closes accounts, but keeps what is on them."""

    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        return True

    async def deactivate(self, user_id: str) -> None:
        held = await self.list(user_id)
        await super().deactivate(user_id)
        await self._db.run(lambda: _kept(user_id, held))


def _kept(user_id: str, held: Sequence[AccountThreepid]) -> Any:
    into = "INSERT INTO user_threepids (medium, address, user_id, validated_at, added_at)"
    for each in held:
        yield f"{into} VALUES (?, ?, ?, 0, 0) RETURNING 1", (each.medium.value, each.address, user_id)


# -- passwords, tokens, authentication ----------------------------------------------------------


class TakesOldPasswords(Passwords):
    """Takes every password that ever was right."""

    seen: set[tuple[str, object]] = set()  # noqa: RUF012  one server a test

    async def fit(self, user_id: str | None, password: object, key: str | None = None) -> bool:
        if (user_id, password) in self.seen:
            return True
        fits = await super().fit(user_id, password, key)
        if fits:
            self.seen.add((user_id, password))
        return fits


class LogsNobodyOut(Devices):
    """Keeps access tokens over a password reset."""

    async def log_out_others(self, user_id: str, request: Any) -> None:
        return


class AsksForNothing:
    """Takes an access token for enough to add an address."""

    async def require(self, request: Any, caller: Any, body: Mapping[str, Any], action: str) -> None:
        return


# -- sessions -----------------------------------------------------------------------------------


class NeverSpends(SqlSessions):
    """Forgets that a session has served."""

    def replace(self, session: Session) -> Any:
        return super().replace(evolve(session, consumed_at=None))


class ForgetsThePurpose(SqlSessions):
    """Takes every session for one that adds."""

    async def get(self, sid: str) -> Session | None:
        found = await super().get(sid)
        return found and evolve(found, purpose=Purpose.ADD)


class ForgetsWhoAsked(SqlSessions):
    """Keeps no user with a session."""

    async def get(self, sid: str) -> Session | None:
        found = await super().get(sid)
        return found and evolve(found, owner=None)


# -- identity servers ---------------------------------------------------------------------------


class _Around:
    def __init__(self, client: Any) -> None:
        self._client = client

    async def proved(self, *call: Any) -> Any:
        return await self._client.proved(*call)

    async def bind(self, *call: Any) -> Any:
        return await self._client.bind(*call)

    async def unbind(self, *call: Any) -> Any:
        return await self._client.unbind(*call)


class FallsOver(_Around):
    """Has no answer to a call that got none."""

    async def unbind(self, *call: Any) -> Any:
        answer = await super().unbind(*call)
        if isinstance(answer, Unreachable):
            raise TypeError("nobody thought of this")
        return answer


class GivesUp(_Around):
    """Takes an outage for a refusal."""

    async def unbind(self, *call: Any) -> Any:
        answer = await super().unbind(*call)
        return ServerRefused(502, "M_UNKNOWN", "It is down") if isinstance(answer, Unreachable) else answer


class OnlySaysSo(_Around):
    """Says that it has unbound, and does nothing."""

    async def unbind(self, *call: Any) -> Any:
        return Done()


# -- in front of everything ---------------------------------------------------------------------


async def validates_on_get(exchange: Exchange, app: App) -> Changed:
    """Press the button for everybody who opens a link."""
    page = await exchange.passed(app)
    if exchange.method in ("GET", "HEAD") and exchange.path.endswith("/submit_token"):
        form = {name: value for name, value in exchange.query.items() if name in ("sid", "token")}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        await evolve(exchange, method="POST", body=urlencode(form).encode(), headers=headers).passed(app)
    return page


def sends_every_time() -> Any:
    """Return what counts attempts by itself."""
    attempts = count(1)

    async def counting(exchange: Exchange, app: App) -> Changed:
        asked = exchange.path.endswith("/requestToken") and isinstance(exchange.json.get("send_attempt"), int)
        return await (exchange.with_member(send_attempt=next(attempts)) if asked else exchange).passed(app)

    return counting


async def loses_next_link(exchange: Exchange, app: App) -> Changed:
    """Stay where one is."""
    asked = exchange.path.endswith("/requestToken") and exchange.json
    return await (exchange.with_member(next_link=None) if asked else exchange).passed(app)


async def believes_every_code(exchange: Exchange, app: App) -> Changed:
    """Say yes to all codes."""
    answer = await exchange.passed(app)
    typed = exchange.method == "POST" and exchange.path.endswith("/submit_token")
    return Changed(200, answer.headers, b'{"success": true}') if typed else answer


async def takes_codes_literally(exchange: Exchange, app: App) -> Changed:
    """Refuse a code with a space in it."""
    answer = await exchange.passed(app)
    spaced = exchange.path.endswith("/submit_token") and " " in str(exchange.json.get("token"))
    body = json.dumps({"errcode": "M_TOKEN_INCORRECT", "error": "No"}).encode()
    return Changed(400, answer.headers, body) if spaced else answer


async def falls_over_bad_input(exchange: Exchange, app: App) -> Changed:
    """Answer nonsense with 500."""
    answer = await exchange.passed(app)
    return Changed(500, answer.headers, answer.body) if answer.status == 400 else answer


async def tells_who_is_unknown(exchange: Exchange, app: App) -> Changed:
    """Tell a login with an unknown address from one with a wrong password."""
    answer = await exchange.passed(app)
    by_address = exchange.path.endswith("/login") and answer.status == 403
    body = json.dumps({"errcode": "M_NOT_FOUND", "error": "Who?"}).encode()
    return Changed(404, answer.headers, body) if by_address else answer


async def keeps_submit_url_to_itself(exchange: Exchange, app: App) -> Changed:
    """Send a code, and do not say where it goes."""
    answer = await exchange.passed(app)
    kept = {name: value for name, value in answer.json.items() if name != "submit_url"}
    return Changed(answer.status, answer.headers, json.dumps(kept).encode()) if "submit_url" in answer.json else answer


# -- which story catches which ------------------------------------------------------------------


@frozen
class Broken:
    """A broken server: how it is made, what its mails hold, the story that must fail, and the step it must fail at."""

    name: str
    story: str
    step: str
    wire: Callable[[Home], Home] = lambda home: home
    front: Callable[[App], App] = field(default=lambda app: app)
    mail_proof: str = "link"


def _part(member: str, cls: type[Any], story: str, step: str) -> Broken:
    return Broken(
        cls.__name__, story, step, wire=lambda home: _with(home, member, replaced(getattr(home, member), cls))
    )


def _with(home: Home, member: str, part: object) -> Home:
    """Return the server with another part, which its keeper of accounts uses as well."""
    keeper = given(home.keeper)
    if member in fields_dict(type(keeper)):
        keeper = evolve(keeper, **{member: part})
    return evolve(home, **{member: part, "keeper": keeper})


def _client(cls: type[Any], story: str, step: str) -> Broken:
    return Broken(cls.__name__, story, step, wire=lambda home: evolve(home, identity=cls(home.identity)))


def _front(change: Any, story: str, step: str, mail_proof: str = "link") -> Broken:
    name = change.__qualname__.partition(".")[0]
    return Broken(name, story, step, front=lambda app: rewritten(app, change), mail_proof=mail_proof)


BROKEN = (
    _part("accounts", MovesAddresses, "an-address-has-one-owner", "add it as somebody else"),
    _part("accounts", DeletesForAnybody, "delete-an-address", "delete it as somebody else"),
    _part("accounts", ListsSpellings, "spellings-are-one-address", "list it"),
    _part("accounts", KeepsAddressesOfTheDeparted, "deactivation-frees-an-address", "prove and add the address"),
    _part("accounts", KeepsAddressesOfTheDeparted, "delete-an-address", "delete it"),
    _part("passwords", TakesOldPasswords, "reset-a-password", "log in with the old password"),
    _part("callers", LogsNobodyOut, "reset-a-password", "use the old access token"),
    Broken(
        "AsksForNothing",
        "a-stolen-access-token-adds-nothing",
        "add without authentication",
        wire=lambda home: evolve(home, uia=AsksForNothing()),
    ),
    _part("sessions", NeverSpends, "a-spent-session-is-spent", "add with the session again"),
    _part("sessions", ForgetsThePurpose, "a-session-is-for-one-purpose", "add with the session of a registration"),
    _part("sessions", ForgetsWhoAsked, "a-session-is-for-one-user", "add with the session of another user"),
    _client(FallsOver, "delete-during-an-outage", "delete it while"),
    _client(FallsOver, "deactivation-during-an-outage", "deactivate while"),
    _client(GivesUp, "delete-during-an-outage", "delete it while"),
    _client(OnlySaysSo, "bind-and-unbind", "unbind it"),
    _client(OnlySaysSo, "delete-takes-back", "delete it"),
    _client(OnlySaysSo, "deactivation-takes-back", "deactivate"),
    _front(validates_on_get, "opening-a-link-proves-nothing", "add all the same"),
    _front(sends_every_time(), "one-attempt-sends-one-mail", "read the mails"),
    _front(sends_every_time(), "one-attempt-sends-one-text-message", "read the text messages"),
    _front(loses_next_link, "next-link-is-gone-to", "confirm"),
    _front(believes_every_code, "add-a-number", "type a wrong code"),
    _front(believes_every_code, "add-an-address-by-code", "type a wrong code", "code"),
    _front(takes_codes_literally, "a-code-may-be-pasted", "type the code in two parts", "code"),
    _front(falls_over_bad_input, "bad-input-is-refused", "POST /account/3pid/email/requestToken without email"),
    _front(tells_who_is_unknown, "log-in-with-an-address", "log in with the address and a wrong password"),
    _front(keeps_submit_url_to_itself, "add-a-number", "ask for a text message"),
)
