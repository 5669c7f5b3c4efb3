"""``/register``: stages, bodies that clients shorten, repetitions, and what is stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import evolve

from matrix_threepid import ConfigurationError, Limit, Limits, run_sync
from matrix_threepid.errors import Forbidden, Unavailable
from matrix_threepid.testing import FakeAccounts, FakeKeeper, World

from .people import DUMMY, EMAIL, NEW, REGISTER, Host

CAROL = "@carol:hs.example.org"
MINUTE = 60_000


@pytest.mark.rule("REQ-UIA-9")
def test_an_account_is_made_and_logged_in(host: Host) -> None:
    """A completed stage makes the account with its password, and logs the device in that the client names."""
    session = host.session(REGISTER, {**NEW, "device_id": "PHONE"})
    done = host.post(REGISTER, {**NEW, "device_id": "PHONE", "auth": {"type": DUMMY, "session": session}})
    assert done.json() == {"user_id": CAROL, "access_token": CAROL, "device_id": "PHONE"}
    assert run_sync(host.keeper.password_fits(CAROL, NEW["password"]))


@pytest.mark.rule("REQ-UIA-9")
def test_a_client_may_send_nothing_but_auth_after_the_first_request(host: Host) -> None:
    """What the account needs of the first body is kept, so a second body with ``auth`` alone makes it."""
    session = host.session(REGISTER, {**NEW, "device_id": "PHONE", "inhibit_login": False})
    done = host.post(REGISTER, {"auth": {"type": DUMMY, "session": session}})
    assert (done.status, done.json()["user_id"], done.json()["device_id"]) == (200, CAROL, "PHONE")
    assert run_sync(host.keeper.password_fits(CAROL, NEW["password"]))


def test_the_stages_may_be_asked_for_with_an_empty_body(host: Host) -> None:
    """Name and password may come with the request that completes a stage."""
    session = host.session(REGISTER, {})
    assert host.post(REGISTER, {**NEW, "auth": {"type": DUMMY, "session": session}}).status == 200


def test_a_proved_address_comes_onto_the_account(host: Host) -> None:
    """The stage of a mail is polled until its link is confirmed, and the account then has the address."""
    session = host.session(REGISTER, NEW)
    sid = host.world.ask("carol@example.org", purpose="register").json()["sid"]
    auth = {"type": EMAIL, "session": session, "threepid_creds": {"sid": sid, "client_secret": "secret"}}
    for _ in range(3):
        waiting = host.post(REGISTER, {**NEW, "auth": auth})
        assert (waiting.status, waiting.json()["errcode"]) == (401, "M_UNAUTHORIZED")
        assert waiting.json()["session"] == session
    host.world.confirm()
    assert host.post(REGISTER, {**NEW, "auth": auth}).status == 200
    assert host.world.threepids(CAROL) == ["carol@example.org"]


@pytest.mark.rule("SEC-6")
def test_one_proof_makes_one_account(host: Host) -> None:
    """A proof that has made an account makes no second one in another session."""
    creds = host.proof("register")
    for name, status in (("carol", 200), ("dave", 401)):
        body = {**NEW, "username": name}
        auth = {"type": EMAIL, "session": host.session(REGISTER, body), "threepid_creds": creds}
        assert host.post(REGISTER, {**body, "auth": auth}).status == status


# -- one session, one body ------------------------------------------------------------------------


@pytest.mark.rule("SEC-42")
@pytest.mark.parametrize("change", [{"username": "mallory"}, {"password": "another password"}, {"device_id": "OTHER"}])
def test_a_session_serves_one_body(host: Host, change: dict[str, str]) -> None:
    """A body that says something else than the first one completes nothing, and makes no account."""
    first = {**NEW, "device_id": "PHONE"}
    session = host.session(REGISTER, first)
    refused = host.post(REGISTER, {**first, **change, "auth": {"type": DUMMY, "session": session}})
    assert (refused.status, refused.json()["errcode"]) == (401, "M_FORBIDDEN")
    assert list(host.keeper.passwords) == [host.alice]


@pytest.mark.rule("SEC-42")
def test_nothing_is_added_to_a_body_once_a_stage_is_completed(make_host: Callable[..., Host]) -> None:
    """With one of two stages completed, a member that the first body left out opens a new session."""
    host = make_host(registration_flows=[[DUMMY, EMAIL]])
    session = host.session(REGISTER, {"password": NEW["password"]})
    half = host.post(REGISTER, {"auth": {"type": DUMMY, "session": session}})
    assert (half.status, half.json()["completed"]) == (401, [DUMMY])
    other = host.post(REGISTER, {**NEW, "auth": {"session": session}})
    assert (other.status, other.json()["session"] == session, other.json()["completed"]) == (401, False, [])


@pytest.mark.parametrize("session", ["unknown", "", 7, [], {}, "x" * 10_000, "\x00"])
def test_an_odd_session_is_answered_with_a_new_one(host: Host, session: Any) -> None:
    """A session that is unknown or no string is a 401 with one that works."""
    answer = host.post(REGISTER, {**NEW, "auth": {"type": DUMMY, "session": session}})
    assert answer.status == 401
    auth = {"type": DUMMY, "session": answer.json()["session"]}
    assert host.post(REGISTER, {**NEW, "auth": auth}).status == 200


@pytest.mark.parametrize("auth", [{"type": 5}, {"type": "org.example.none"}, {"type": EMAIL}, {}])
def test_an_odd_stage_completes_nothing(host: Host, auth: dict[str, Any]) -> None:
    """A stage that does not exist or lacks a member stays a 401 in the same session."""
    session = host.session(REGISTER, NEW)
    answer = host.post(REGISTER, {**NEW, "auth": {**auth, "session": session}})
    assert (answer.status, answer.json()["session"]) == (401, session)


# -- repetitions ----------------------------------------------------------------------------------


@pytest.mark.rule("REQ-UIA-10")
def test_a_request_whose_answer_was_lost_logs_in_anew(host: Host) -> None:
    """The same request within ten minutes has the same user and device, and makes no second account."""
    body = {**NEW, "auth": {"type": DUMMY, "session": host.session(REGISTER, NEW)}}
    first = host.post(REGISTER, body).json()
    host.world.clock.advance(9 * MINUTE)
    assert host.post(REGISTER, body).json() == first
    assert host.keeper.logged_in == [(CAROL, first["device_id"])] * 2


class LosesTheAnswer(FakeKeeper):
    """A keeper whose database stores an account, and whose answer to that gets lost once."""

    lost = False

    async def create(self, user_id: str, password_hash: str, threepids: Any) -> None:
        await super().create(user_id, password_hash, threepids)
        if user_id == CAROL and not self.lost:
            self.lost = True
            raise Unavailable


@pytest.mark.rule("REQ-UIA-10")
@pytest.mark.answers_5xx(503)
@pytest.mark.parametrize("stage", [DUMMY, EMAIL])
def test_an_account_whose_making_was_not_heard_of_is_found_again(make_world: Callable[..., World], stage: str) -> None:
    """If the database did it and could not say so, the same request logs in, and the address is no stranger's."""
    accounts = FakeAccounts()
    world = make_world(accounts=accounts, keeper=LosesTheAnswer(accounts), uia=None)
    world.accounts = accounts
    host = Host(world, world.homeserver.keeper)  # type: ignore[arg-type]
    creds = {"threepid_creds": host.proof("register")} if stage == EMAIL else {}
    body = {**NEW, "auth": {"type": stage, "session": host.session(REGISTER, NEW), **creds}}
    assert [host.post(REGISTER, body).status for _ in range(3)] == [503, 200, 200]
    assert world.threepids(CAROL) == (["carol@example.org"] if stage == EMAIL else [])
    other = {**NEW, "username": "dave", "password": "some other password"}
    auth = {"type": EMAIL, "session": host.session(REGISTER, other), **creds}
    assert stage == DUMMY or host.post(REGISTER, {**other, "auth": auth}).status == 401


@pytest.mark.rule("REQ-UIA-10")
def test_a_repetition_needs_the_password(host: Host) -> None:
    """Without the password, or with another one, a completed session gives no second access token."""
    auth = {"type": DUMMY, "session": host.session(REGISTER, NEW)}
    assert host.post(REGISTER, {**NEW, "auth": auth}).status == 200
    for body in ({}, {"username": "carol"}, {**NEW, "password": "another password"}):
        again = host.post(REGISTER, {**body, "auth": auth})
        assert (again.status, again.json()["errcode"]) == (401, "M_FORBIDDEN")
    assert len(host.keeper.logged_in) == 1


@pytest.mark.rule("REQ-UIA-10")
def test_a_repetition_comes_in_time(host: Host) -> None:
    """After ten minutes the session is over, and the name is in use."""
    body = {**NEW, "auth": {"type": DUMMY, "session": host.session(REGISTER, NEW)}}
    host.post(REGISTER, body)
    host.world.clock.advance(10 * MINUTE)
    assert host.post(REGISTER, body).status == 401
    assert len(host.keeper.logged_in) == 1


class Dies(Exception):
    """The process dies."""


class DyingKeeper(FakeKeeper):
    """Makes the account, and then the process dies."""

    dies = True

    async def create(self, *values: Any) -> None:
        await super().create(*values)
        if self.dies and values[0] == CAROL:
            raise Dies


@pytest.mark.rule("REQ-UIA-10")
def test_a_crash_after_the_account_was_made_is_healed_by_the_same_session(make_host: Callable[..., Host]) -> None:
    """The same session and password log in to the account that was made; another session hears that it is in use."""
    accounts = FakeAccounts()
    keeper = DyingKeeper(accounts)
    host = make_host(accounts=accounts, keeper=keeper)
    body = {**NEW, "auth": {"type": DUMMY, "session": host.session(REGISTER, NEW)}}
    with pytest.raises(Dies):
        host.post(REGISTER, body)
    keeper.dies = False
    assert host.post(REGISTER, {**NEW}).json()["errcode"] == "M_USER_IN_USE"
    wrong = host.post(REGISTER, {**body, "password": "another password"})
    assert wrong.status == 401
    assert host.post(REGISTER, body).json()["access_token"] == CAROL


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({**NEW, "username": "alice"}, "M_USER_IN_USE"),
        ({**NEW, "username": "Not A Name"}, "M_INVALID_USERNAME"),
        ({**NEW, "password": "short"}, "M_WEAK_PASSWORD"),
        ({**NEW, "inhibit_login": "yes"}, "M_INVALID_PARAM"),
    ],
)
def test_what_cannot_be_is_said_before_any_stage(host: Host, body: dict[str, Any], errcode: str) -> None:
    """A name that is taken or wrong and a weak password are refused by the first request."""
    refused = host.post(REGISTER, body)
    assert (refused.status, refused.json()["errcode"]) == (400, errcode)
    assert host.rows() == []


def test_an_account_needs_a_password(host: Host) -> None:
    """With the stages completed and no password, nothing is made, and the password may follow."""
    auth = {"type": DUMMY, "session": host.session(REGISTER, {"username": "carol"})}
    missing = host.post(REGISTER, {"username": "carol", "auth": auth})
    assert (missing.status, missing.json()["errcode"]) == (400, "M_MISSING_PARAM")
    assert host.post(REGISTER, {**NEW, "auth": auth}).status == 200


def test_guests_and_closed_servers(make_host: Callable[..., Host]) -> None:
    """Guests are refused, and so is everybody where the policy has closed registration."""
    assert make_host().post(REGISTER, NEW, query="kind=guest").status == 403
    assert make_host({"registration_enabled": False}).post(REGISTER, NEW).json()["errcode"] == "M_FORBIDDEN"


def test_strangers_fill_no_table(make_host: Callable[..., Host]) -> None:
    """One network opens as many sessions as the limit grants; then it hears 429, and no password is hashed."""
    host = make_host({"limits": Limits(authentications=Limit(3, 0.001))})
    assert [host.post(REGISTER, NEW).status for _ in range(5)] == [401, 401, 401, 429, 429]
    assert len(host.rows()) == 3


# -- a host's own stages --------------------------------------------------------------------------


class Terms:
    """A stage that is completed by agreeing."""

    def params(self) -> Mapping[str, object]:
        return {"policies": {}}

    async def check(self, auth: Mapping[str, object], uia_session: str, request: Any) -> None:
        if auth.get("agreed") is not True:
            raise Forbidden("auth.agreed: must be true")


def test_flows_of_several_stages(make_host: Callable[..., Host]) -> None:
    """A flow is complete once each of its stages is, the host's own ones among them, in any order."""
    host = make_host(extra_stages={"m.login.terms": Terms()}, registration_flows=[["m.login.terms", EMAIL]])
    first = host.post(REGISTER, NEW).json()
    assert first["flows"] == [{"stages": ["m.login.terms", EMAIL]}]
    assert first["params"] == {"m.login.terms": {"policies": {}}}
    session = first["session"]
    proved = {"type": EMAIL, "session": session, "threepid_creds": host.proof("register")}
    assert host.post(REGISTER, {"auth": proved}).json()["completed"] == [EMAIL]
    refused = host.post(REGISTER, {"auth": {"type": "m.login.terms", "session": session}})
    assert (refused.status, refused.json()["errcode"]) == (401, "M_FORBIDDEN")
    done = host.post(REGISTER, {"auth": {"type": "m.login.terms", "session": session, "agreed": True}})
    assert (done.status, host.world.threepids(CAROL)) == (200, ["carol@example.org"])


@pytest.mark.parametrize("flows", [[["m.login.msisdn"]], [["m.login.terms"]], [[]], ["m.login.dummy"]])
def test_a_flow_that_nobody_can_complete_is_refused_when_wired(flows: Any) -> None:
    """A flow with an unknown stage, one of a medium without sender, and one without stages raise an error."""
    with pytest.raises(ConfigurationError, match="registration_flows"):
        World(keeper=FakeKeeper(FakeAccounts()), registration_flows=flows)


def test_a_host_needs_uia_or_a_keeper() -> None:
    """Without both, nothing could authenticate anybody."""
    with pytest.raises(ConfigurationError, match="uia: is required"):
        World(uia=None)


# -- what is stored -------------------------------------------------------------------------------


@pytest.mark.rule("SEC-22")
def test_no_password_and_no_token_is_stored(host: Host) -> None:
    """Sessions hold the host's hash of a password and what an account needs, and nothing else of a body."""
    auth = {"type": DUMMY, "session": host.session(REGISTER, {**NEW, "unknown_member": "a token of some kind"})}
    host.post(REGISTER, {**NEW, "auth": auth})
    stored = json.dumps([str(row.kept) + str(row.completed) + str(row.password_hash) for row in host.rows()])
    assert NEW["password"] not in stored
    assert "a token of some kind" not in stored
    assert CAROL not in stored  # the access token of the fakes
    assert NEW["password"] not in repr(host.rows())


def test_sessions_are_purged(host: Host) -> None:
    """The job that purges deletes sessions that are over."""
    host.session(REGISTER, NEW)
    host.world.clock.advance(16 * MINUTE)
    run_sync(host.world.service.purge())
    assert host.rows() == []


def test_without_a_keeper_the_paths_are_the_hosts() -> None:
    """A host without a keeper answers ``/register`` itself, so ``serves`` does not claim it."""
    assert not World().service.serves("/_matrix/client/v3/register")
    assert World(keeper=FakeKeeper(FakeAccounts())).service.serves("/_matrix/client/v3/register")


# -- equal requests, changes in between, and limits ------------------------------------------------


class SlowKeeper(FakeKeeper):
    """A keeper that lets other requests go on before it compares a password or makes an account."""

    async def hash_fits(self, password: str, password_hash: str) -> bool:
        await asyncio.sleep(0)
        return await super().hash_fits(password, password_hash)

    async def create(self, *account: Any) -> None:
        await asyncio.sleep(0)
        await super().create(*account)


@pytest.mark.rule("REQ-UIA-9")
def test_equal_requests_at_the_same_time_make_one_account(host: Host) -> None:
    """Each of several equal requests that complete a session is answered with the one account and device."""
    host.world.rewire(keeper=SlowKeeper(host.world.accounts))
    body = {**NEW, "auth": {"type": DUMMY, "session": host.session(REGISTER, NEW)}}

    async def together() -> list[Any]:
        return await asyncio.gather(*(host.world.acall("POST", REGISTER, body) for _ in range(3)))

    answers = asyncio.run(together())
    assert [answer.status for answer in answers] == [200] * 3
    assert len({answer.json()["device_id"] for answer in answers}) == 1


@pytest.mark.parametrize("closed", [True, False])
def test_a_repetition_logs_nobody_in_after_the_password_was_changed(host: Host, closed: bool) -> None:
    """The first password logs in no more once the account has another one, or is closed."""
    body = {**NEW, "auth": {"type": DUMMY, "session": host.session(REGISTER, NEW)}}
    assert host.post(REGISTER, body).status == 200
    if closed:
        run_sync(host.keeper.deactivate(CAROL, erase=False))
    else:
        run_sync(host.keeper.set_password(CAROL, run_sync(host.keeper.hash_password("quite another password"))))
    assert host.post(REGISTER, body).json()["errcode"] == "M_FORBIDDEN"
    assert len(host.keeper.logged_in) == 1


def test_repetitions_hash_passwords_only_so_often(host: Host) -> None:
    """Whoever repeats a completed request is charged for each password that is compared."""
    host.world.rewire(policy=evolve(host.world.homeserver.policy, limits=Limits(authentications=Limit(5, 0.001))))
    body = {**NEW, "auth": {"type": DUMMY, "session": host.session(REGISTER, NEW)}}
    answers = [host.post(REGISTER, body).status for _ in range(6)]
    assert (answers[0], answers[-1]) == (200, 429)


def test_names_are_tried_only_so_often(host: Host) -> None:
    """A name that is taken is charged like one that is free, and once the limit is reached neither is told."""
    host.world.rewire(policy=evolve(host.world.homeserver.policy, limits=Limits(authentications=Limit(5, 0.001))))
    answers = [host.post(REGISTER, {"username": "alice"}).status for _ in range(6)]
    assert answers == [400] * 5 + [429]
    assert host.post(REGISTER, {"username": "free"}).status == 429
