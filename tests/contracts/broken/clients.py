"""Identity-server clients that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

import json
import logging
from collections.abc import Awaitable
from typing import Any

from attrs import evolve, frozen

from matrix_threepid.identity.client import HttpIdentityClient
from matrix_threepid.model.identity import (
    Associated,
    BindAnswer,
    Done,
    InviteAnswer,
    InviteStored,
    KeyAnswer,
    KeyChecked,
    LookedUp,
    LookUpAnswer,
    NotSupported,
    ProvedAnswer,
    ServerRefused,
    UnbindAnswer,
    Unreachable,
)
from matrix_threepid.model.room_invite import InviteAbout, InviteRequest
from matrix_threepid.model.threepid import Medium, Threepid
from matrix_threepid.net.fetch import Fetch, HttpFailure, HttpReply, HttpRequest
from matrix_threepid.ports import Credentials
from matrix_threepid.testing.contracts.identity_servers import SERVERS

_log = logging.getLogger(__name__)
Reply = HttpReply | HttpFailure


class Broken(HttpIdentityClient):
    """A client whose HTTP goes through ``through``."""

    def __init__(self, fetch: Fetch, signer: Any) -> None:
        super().__init__(_Through(fetch, self), signer)

    async def through(self, fetch: Fetch, request: HttpRequest, deadline: int) -> Reply:
        return await fetch.fetch(request, deadline)


@frozen
class _Through:
    _fetch: Fetch
    _client: Broken

    def fetch(self, request: HttpRequest, deadline: int) -> Awaitable[Reply]:
        return self._client.through(self._fetch, request, deadline)


class FollowsRedirects(Broken):
    async def through(self, fetch: Fetch, request: HttpRequest, deadline: int) -> Reply:
        reply = await fetch.fetch(request, deadline)
        if not isinstance(reply, HttpReply) or not 300 <= reply.status < 400:
            return reply
        authority = request.authority.replace(*SERVERS)
        return await fetch.fetch(evolve(request, host=SERVERS[1], authority=authority), deadline)


class RaisesForHtml(Broken):
    async def through(self, fetch: Fetch, request: HttpRequest, deadline: int) -> Reply:
        reply = await fetch.fetch(request, deadline)
        json.loads(reply.body if isinstance(reply, HttpReply) else b"{}")
        return reply


class RaisesWhenNobodyIsThere(Broken):
    async def through(self, fetch: Fetch, request: HttpRequest, deadline: int) -> Reply:
        reply = await fetch.fetch(request, deadline)
        if isinstance(reply, HttpFailure):
            raise ConnectionError(str(reply))
        return reply


class PutsTheTokenIntoTheQuery(Broken):
    async def through(self, fetch: Fetch, request: HttpRequest, deadline: int) -> Reply:
        token = dict(request.headers).get("Authorization", "").removeprefix("Bearer ")
        return await fetch.fetch(evolve(request, query=f"{request.query}&access_token={token}"), deadline)


class WaitsForEver(Broken):
    async def through(self, fetch: Fetch, request: HttpRequest, deadline: int) -> Reply:
        return await fetch.fetch(request, 5_000)


class SignsNothing(Broken):
    async def through(self, fetch: Fetch, request: HttpRequest, deadline: int) -> Reply:
        headers = tuple(each for each in request.headers if not each[1].startswith("X-Matrix"))
        return await fetch.fetch(evolve(request, headers=headers), deadline)


class LogsWhatItSends(Broken):
    async def through(self, fetch: Fetch, request: HttpRequest, deadline: int) -> Reply:
        _log.debug("%s %s %s", request.target, request.headers, request.body)
        return await fetch.fetch(request, deadline)


class LeavesTheNewAloneForTheOld(Broken):
    async def through(self, fetch: Fetch, request: HttpRequest, deadline: int) -> Reply:
        reply = await fetch.fetch(request, deadline)
        gone = isinstance(reply, HttpReply) and reply.status == 404
        return await fetch.fetch(request, deadline) if gone else reply


class TakesEveryAnswerForDone(Broken):
    async def unbind(self, id_server: str, user_id: str, medium: Medium, address: str, deadline: int) -> UnbindAnswer:
        answer = await super().unbind(id_server, user_id, medium, address, deadline)
        return Done() if isinstance(answer, NotSupported) else answer


class LogsUsersOut(Broken):
    async def unbind(self, id_server: str, user_id: str, medium: Medium, address: str, deadline: int) -> UnbindAnswer:
        answer = await super().unbind(id_server, user_id, medium, address, deadline)
        unauthorized = isinstance(answer, ServerRefused) and answer.errcode == "M_UNAUTHORIZED"
        return ServerRefused(401, "M_UNKNOWN_TOKEN", "Unknown token") if unauthorized else answer


class SaysNothingOfTime(Broken):
    async def proved(self, id_server: str, access_token: str, credentials: Credentials, deadline: int) -> ProvedAnswer:
        answer = await super().proved(id_server, access_token, credentials, deadline)
        return Unreachable(answer.reason) if isinstance(answer, Unreachable) else answer


class BelievesThatItWasBound(Broken):
    async def bind(
        self, id_server: str, access_token: str, credentials: Credentials, user_id: str, deadline: int
    ) -> BindAnswer:
        answer = await super().bind(id_server, access_token, credentials, user_id, deadline)
        return Associated(Medium.EMAIL, "", user_id) if isinstance(answer, Unreachable) else answer


class BindsForNobody(Broken):
    async def bind(
        self, id_server: str, access_token: str, credentials: Credentials, user_id: str, deadline: int
    ) -> BindAnswer:
        return await super().bind(id_server, access_token, credentials, user_id.upper(), deadline)


class Inviting(Broken):
    """A client whose invitations may be broken."""


class TellsWhoeverIsFound(Inviting):
    async def look_up(
        self, id_server: str, access_token: str, threepid: Threepid, user_id: str, deadline: int
    ) -> LookUpAnswer:
        answer = await super().look_up(id_server, access_token, threepid, user_id, deadline)
        return LookedUp("alice") if isinstance(answer, Unreachable) else answer


class AsksInPlainText(Inviting):
    async def through(self, fetch: Fetch, request: HttpRequest, deadline: int) -> Reply:
        reply = await fetch.fetch(request, deadline)
        return evolve(reply, body=reply.body.replace(b"sha256", b"md5")) if isinstance(reply, HttpReply) else reply


class SaysNothingOfTheRoom(Inviting):
    async def store_invite(
        self, id_server: str, access_token: str, invite: InviteRequest, deadline: int
    ) -> InviteAnswer:
        nothing = evolve(invite, about=InviteAbout())
        return await super().store_invite(id_server, access_token, nothing, deadline)


class TakesADoubtfulKey(Inviting):
    async def key_is_valid(self, url: str, public_key: str, deadline: int) -> KeyAnswer:
        answer = await super().key_is_valid(url, public_key, deadline)
        return KeyChecked(True) if isinstance(answer, Unreachable) else answer


class MakesAnUrlOfItsOwn(Inviting):
    async def key_is_valid(self, url: str, public_key: str, deadline: int) -> KeyAnswer:
        host = url.partition("//")[2].partition("/")[0]
        return await super().key_is_valid(f"https://{host}/_matrix/identity/v2/pubkey/isvalid", public_key, deadline)


class ShowsTheAddress(Inviting):
    async def store_invite(
        self, id_server: str, access_token: str, invite: InviteRequest, deadline: int
    ) -> InviteAnswer:
        answer = await super().store_invite(id_server, access_token, invite, deadline)
        return evolve(answer, display_name=invite.threepid.address) if isinstance(answer, InviteStored) else answer


CAUGHT_BY: dict[type, str] = {
    FollowsRedirects: "test_redirects_are_not_followed[bind-302]",
    RaisesForHtml: "test_of_a_wrong_shape_nothing_is_believed[HTML-proved]",
    RaisesWhenNobodyIsThere: "test_no_answer_is_a_value[unbind-reset]",
    PutsTheTokenIntoTheQuery: "test_the_token_goes_into_a_header_only[bind]",
    WaitsForEver: "test_no_answer_is_a_value[proved-silence]",
    SignsNothing: "test_an_unbind_is_signed",
    LogsWhatItSends: "test_nothing_secret_is_shown[bind-well]",
    LeavesTheNewAloneForTheOld: "test_a_server_that_knows_v1_only_is_asked_so",
    TakesEveryAnswerForDone: "test_an_answer_to_an_unbind_has_its_meaning[404, empty]",
    LogsUsersOut: "test_an_answer_to_an_unbind_has_its_meaning[401, unknown token]",
    SaysNothingOfTime: "test_a_missed_deadline_is_named[proved]",
    BelievesThatItWasBound: "test_of_a_wrong_shape_nothing_is_believed[HTML-bind]",
    BindsForNobody: "test_a_bind_publishes",
    TellsWhoeverIsFound: "test_an_odd_look_up_is_no_answer[a local part]",
    AsksInPlainText: "test_a_server_that_takes_hashes_sees_no_address",
    SaysNothingOfTheRoom: "test_an_invitation_is_kept",
    TakesADoubtfulKey: "test_an_odd_answer_about_a_key_is_none[a text]",
    MakesAnUrlOfItsOwn: "test_a_key_is_asked_for_at_its_url",
    ShowsTheAddress: "test_a_display_name_does_not_disclose_the_address[alice@example.org]",
}
