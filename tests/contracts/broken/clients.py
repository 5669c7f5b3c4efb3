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
    NotSupported,
    ProvedAnswer,
    ServerRefused,
    UnbindAnswer,
    Unreachable,
)
from matrix_threepid.model.threepid import Medium
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


CAUGHT_BY: dict[type, str] = {
    FollowsRedirects: "test_redirects_are_not_followed[302-bind]",
    RaisesForHtml: "test_of_a_wrong_shape_nothing_is_believed[HTML-proved]",
    RaisesWhenNobodyIsThere: "test_no_answer_is_a_value[reset-unbind]",
    PutsTheTokenIntoTheQuery: "test_the_token_goes_into_a_header_only[bind]",
    WaitsForEver: "test_no_answer_is_a_value[silence-proved]",
    SignsNothing: "test_an_unbind_is_signed",
    LogsWhatItSends: "test_nothing_secret_is_shown[well-bind]",
    LeavesTheNewAloneForTheOld: "test_a_server_that_knows_v1_only_is_asked_so",
    TakesEveryAnswerForDone: "test_an_answer_to_an_unbind_has_its_meaning[404, empty]",
    LogsUsersOut: "test_an_answer_to_an_unbind_has_its_meaning[401, unknown token]",
    SaysNothingOfTime: "test_a_missed_deadline_is_named[proved]",
    BelievesThatItWasBound: "test_of_a_wrong_shape_nothing_is_believed[HTML-bind]",
    BindsForNobody: "test_a_bind_publishes",
}
