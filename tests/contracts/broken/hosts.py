"""Parts of a host that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Mapping
from html import unescape
from typing import Any, ClassVar

from attrs import evolve

from contracts.staged_host import StagedHost
from matrix_threepid import Homeserver
from matrix_threepid.identity import ROOM_RULES, RoomInvitation
from matrix_threepid.identity.signed_requests import XMatrixVerifier
from matrix_threepid.identity.x_matrix import read_headers
from matrix_threepid.ports import Allow, Caller, Challenge, Deny, GateRequest
from matrix_threepid.protocol.errors import Forbidden, MatrixError, UiaRequired, Unauthorized, Unavailable, UnknownToken
from matrix_threepid.protocol.wire import Request
from matrix_threepid.testing import FakeCallers, FakeGate, FakeRooms, FakeUia
from matrix_threepid.texts.pages import BuiltInPages


class TakesBadTokensForNone(FakeCallers):
    async def identify(self, request: Request) -> Caller | None:
        try:
            return await super().identify(request)
        except UnknownToken:
            return None


class RemembersTheFirst(FakeCallers):
    first: Caller | None = None

    async def identify(self, request: Request) -> Caller | None:
        self.first = self.first or await super().identify(request)
        return self.first


class LooksAtTheBeginning(FakeCallers):
    async def identify(self, request: Request) -> Caller | None:
        caller = await super().identify(request)
        return caller and evolve(caller, user_id=caller.user_id[: len("@alice:hs.example.org")])


class TakesAnyScheme(FakeCallers):
    async def identify(self, request: Request) -> Caller | None:
        token = request.headers.get("authorization", "").rpartition(" ")[2]
        return await super().identify(evolve(request, headers={"authorization": f"Bearer {token}"}))


class ForgetsGuests(FakeCallers):
    async def identify(self, request: Request) -> Caller | None:
        caller = await super().identify(request)
        return caller and evolve(caller, guest=False)


class ChokesOnOddTokens(FakeCallers):
    async def identify(self, request: Request) -> Caller | None:
        request.headers.get("authorization", "").encode("ascii")
        return await super().identify(request)


class RepeatsTheToken(FakeCallers):
    async def identify(self, request: Request) -> Caller | None:
        try:
            return await super().identify(request)
        except UnknownToken:
            raise UnknownToken(f"Unknown: {request.headers['authorization']}") from None


class AllowsTheSessionEverything(FakeUia):
    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        await super().require(request, caller, body, "anything")


class ForgetsTheBody(FakeUia):
    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        await super().require(request, caller, {"auth": body.get("auth")}, action)


class ForgetsTheUser(FakeUia):
    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        await super().require(request, Caller("@somebody:hs.example.org"), body, action)


class TakesTheSessionForTheAnswer(FakeUia):
    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        self._done.update(self._flows)
        await super().require(request, caller, body, action)


class TakesAnyPassword(FakeUia):
    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        auth = body.get("auth") or {}
        self._done.update([auth["session"]] if "password" in auth else [])
        await super().require(request, caller, body, action)


class ForgetsTheFlows(FakeUia):
    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        try:
            await super().require(request, caller, body, action)
        except UiaRequired as required:
            raise UiaRequired({"session": required.state["session"], "flows": []}) from None


class RepeatsTheAnswer(FakeUia):
    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        try:
            await super().require(request, caller, body, action)
        except UiaRequired as required:
            raise UiaRequired({**required.state, "params": {"tried": body.get("auth")}}) from None


class TakesAuthOutOfTheBody(FakeUia):
    async def require(self, request: Request, caller: Caller, body: Any, action: str) -> None:
        await super().require(request, caller, dict(body), action)
        body.pop("auth", None)


class EscapesNothing(BuiltInPages):
    def render(self, page: str, language: str, values: Mapping[str, str]) -> str:
        return unescape(super().render(page, language, values))


class SendsTheWrongAnswer(BuiltInPages):
    """Has a button for a new mail that confirms instead."""

    def render(self, page: str, language: str, values: Mapping[str, str]) -> str:
        return super().render(page, language, values).replace('value="again"', 'value="yes"')


class LoadsAScript(BuiltInPages):
    def render(self, page: str, language: str, values: Mapping[str, str]) -> str:
        return super().render(page, language, values).replace("</body>", "<script src=x></script></body>")


class Worded(FakeGate):
    """A gate that is broken in no way, but for what those that are made from it change."""

    def __init__(self) -> None:
        super().__init__("a word", {"denied@example.org"})


class TakesTheGateForTheAnswer(Worded):
    async def allows(self, asked: GateRequest) -> Allow | Deny | Challenge:
        answer = await super().allows(asked)
        return Allow() if isinstance(answer, Challenge) and asked.session == answer.session else answer


class SolvesItForAll(Worded):
    solved = False

    async def allows(self, asked: GateRequest) -> Allow | Deny | Challenge:
        answer = await super().allows(asked)
        self.solved = self.solved or answer == Allow()
        return Allow() if self.solved and isinstance(answer, Challenge) else answer


class TakesASolutionOnce(Worded):
    solved = False

    async def allows(self, asked: GateRequest) -> Allow | Deny | Challenge:
        answer = await super().allows(asked)
        if self.solved and answer == Allow():
            return Challenge([{"stages": ["m.login.registration_token"]}], "gate")
        self.solved = answer == Allow()
        return answer


class RepeatsTheAddress(Worded):
    async def allows(self, asked: GateRequest) -> Allow | Deny | Challenge:
        answer = await super().allows(asked)
        return Deny(f"{asked.threepid.address} gets nothing") if isinstance(answer, Deny) else answer


class HasOneSession(Worded):
    async def allows(self, asked: GateRequest) -> Allow | Deny | Challenge:
        answer = await super().allows(asked)
        return evolve(answer, session="gate0") if isinstance(answer, Challenge) else answer


class ChokesOnOddAuth(Worded):
    async def allows(self, asked: GateRequest) -> Allow | Deny | Challenge:
        auth: Any = asked.body.get("auth", {})
        auth.get("session")
        return await super().allows(asked)


class BelievesTheHeader(XMatrixVerifier):
    async def origin(self, request: Request, body: Mapping[str, Any]) -> str:
        given = read_headers([request.headers.get("authorization", "")])
        if not given:
            raise Unauthorized
        return given[0].origin


class ForgetsTheQuery(XMatrixVerifier):
    async def origin(self, request: Request, body: Mapping[str, Any]) -> str:
        return await super().origin(evolve(request, query=""), body)


class TakesAnyDestination(XMatrixVerifier):
    async def origin(self, request: Request, body: Mapping[str, Any]) -> str:
        names = {each.destination or "" for each in read_headers([request.headers.get("authorization", "")])}
        return await XMatrixVerifier(names, self.keys).origin(request, body)


class RefusesWhatItCannotTell(XMatrixVerifier):
    async def origin(self, request: Request, body: Mapping[str, Any]) -> str:
        try:
            return await super().origin(request, body)
        except Unavailable:
            raise Forbidden from None


class RaisesForOddHeaders(XMatrixVerifier):
    async def origin(self, request: Request, body: Mapping[str, Any]) -> str:
        try:
            return await super().origin(request, body)
        except MatrixError:
            return request.headers["authorization"].split('"')[1]


class Forgetful(StagedHost):
    forgotten: ClassVar[str]

    def __init__(self, homeserver: Homeserver) -> None:
        super().__init__(homeserver)
        setattr(self.stages, self.forgotten, _nothing)


async def _nothing(_: object) -> None:
    return


class ForgetsOpenResets(Forgetful):
    forgotten = "end_resets"


class KeepsTheProofItCannotUse(Forgetful):
    forgotten = "release"


class ConsumesNothing(Forgetful):
    forgotten = "consume"


class ConfirmsNothing(Forgetful):
    forgotten = "confirm"


_SHOWN = "test_tokens_are_not_shown"


class KnowsUsersByTheirNames(FakeRooms):
    async def has_user(self, user_id: str) -> bool:
        return user_id.partition(":")[0] in {each.partition(":")[0] for each in self.users}


class IsInEveryRoom(FakeRooms):
    async def has_room(self, room_id: str) -> bool:
        return True


class FindsTokensOfOtherRooms(FakeRooms):
    async def invitation(self, room_id: str, token: str, user_id: str) -> RoomInvitation:
        found = await super().invitation(room_id, token, user_id)
        return evolve(found, event=next((each[token] for each in self.invitations.values() if token in each), None))


class FindsWhatWasRevoked(FakeRooms):
    async def invitation(self, room_id: str, token: str, user_id: str) -> RoomInvitation:
        found = await super().invitation(room_id, token, user_id)
        content = found.event and (found.event["content"] or {"display_name": "b..."})
        return evolve(found, event=found.event and {**found.event, "content": content})


class ForgetsBans(FakeRooms):
    async def invitation(self, room_id: str, token: str, user_id: str) -> RoomInvitation:
        found = await super().invitation(room_id, token, user_id)
        return evolve(found, membership=None if found.membership == "ban" else found.membership)


class HasTheOldestRules(FakeRooms):
    async def invitation(self, room_id: str, token: str, user_id: str) -> RoomInvitation:
        return evolve(await super().invitation(room_id, token, user_id), rules=ROOM_RULES["1"])


class InvitesWithoutTheProof(FakeRooms):
    async def invite(self, event: Mapping[str, object]) -> None:
        await super().invite({**event, "content": {"membership": "invite"}})


class LosesExchanges(FakeRooms):
    async def exchange(self, server_name: str, event: Mapping[str, object]) -> None:
        """Ask nobody."""


CAUGHT_BY: dict[type, str] = {
    TakesBadTokensForNone: "test_an_unknown_token_is_told_so",
    RemembersTheFirst: "test_a_token_names_its_user",
    LooksAtTheBeginning: "test_tokens_are_compared_as_a_whole[{}x]",
    TakesAnyScheme: "test_other_schemes_carry_no_token[Basic {}]",
    ForgetsGuests: "test_who_is_restricted_is_marked[guest]",
    ChokesOnOddTokens: "test_odd_tokens_name_nobody[not ASCII]",
    RepeatsTheToken: _SHOWN,
    AllowsTheSessionEverything: "test_a_session_is_for_one_action",
    ForgetsTheBody: "test_a_session_is_for_one_body[change0]",
    ForgetsTheUser: "test_a_session_is_for_one_user",
    TakesTheSessionForTheAnswer: "test_without_completing_it_a_session_is_nothing",
    TakesAnyPassword: "test_what_is_wrong_does_not_count",
    ForgetsTheFlows: "test_without_auth_the_flows_are_named",
    RepeatsTheAnswer: "test_answers_are_not_shown",
    TakesAuthOutOfTheBody: "test_the_body_stays_as_it_is",
    TakesTheGateForTheAnswer: "test_what_is_wrong_does_not_pass",
    SolvesItForAll: "test_a_session_is_for_one_address",
    TakesASolutionOnce: "test_a_challenge_can_be_met",
    RepeatsTheAddress: "test_a_refused_address_is_denied",
    HasOneSession: "test_every_session_is_another",
    ChokesOnOddAuth: "test_odd_auth_meets_no_challenge[null]",
    EscapesNothing: "test_every_value_is_escaped[token-confirm]",
    SendsTheWrongAnswer: "test_a_button_for_a_new_mail_carries_the_link_on[expired]",
    LoadsAScript: "test_nothing_is_loaded_and_nothing_runs[failed]",
    BelievesTheHeader: "test_another_key_of_the_same_name_is_refused",
    ForgetsTheQuery: "test_the_signature_covers_the_request[a query]",
    TakesAnyDestination: "test_a_signature_for_another_server_is_refused",
    RefusesWhatItCannotTell: "test_keys_that_cannot_be_had_are_no_refusal",
    RaisesForOddHeaders: "test_without_a_signature_nobody_is_named[none]",
    ForgetsOpenResets: "test_a_password_set_otherwise_ends_open_resets",
    KeepsTheProofItCannotUse: "test_a_failed_registration_leaves_the_proof",
    ConsumesNothing: "test_a_reset_ends_the_others",
    ConfirmsNothing: "test_an_address_that_went_elsewhere_resets_nothing",
    KnowsUsersByTheirNames: "test_the_users_of_this_server_are_known",
    IsInEveryRoom: "test_the_rooms_of_this_server_are_known",
    FindsTokensOfOtherRooms: "test_an_invitation_is_for_one_room",
    FindsWhatWasRevoked: "test_the_present_state_counts",
    ForgetsBans: "test_a_membership_is_told[ban]",
    HasTheOldestRules: "test_a_room_has_the_rules_of_its_version",
    InvitesWithoutTheProof: "test_an_invitation_that_was_checked_is_sent[stranger]",
    LosesExchanges: "test_an_exchange_is_kept",
}
