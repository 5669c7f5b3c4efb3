"""The stages that prove an address inside user-interactive authentication."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Medium, Purpose, run_sync
from matrix_threepid.protocol import errors
from matrix_threepid.testing import ALICE, BOB, Outbox, World
from matrix_threepid.uia import Proof

from .acting import HOUR, PURPOSES, STAGE, ask_for, dump, give, proved_for, stage


def check(world: World, auth: dict[str, Any], purpose: str = "register") -> Proof:
    return run_sync(world.stages.check(STAGE, auth, "u1", Purpose(purpose)))


@pytest.mark.rule("REQ-UIA-4", "SEC-1")
@pytest.mark.parametrize("purpose", ["register", "password"])
def test_an_unvalidated_session_can_be_polled(world: World, purpose: str) -> None:
    """Before the link is confirmed the stage answers M_UNAUTHORIZED, as often as asked, and burns nothing."""
    sid = ask_for(world, purpose).json()["sid"]
    before = dump(world)
    for _ in range(3):
        with pytest.raises(errors.Unauthorized):
            stage(world, sid, purpose)
    assert dump(world) == before
    world.confirm()
    assert stage(world, sid, purpose).threepid.address == "alice@example.org"


@pytest.mark.rule("REQ-SESS-6", "SEC-2")
@pytest.mark.parametrize("made_for", PURPOSES)
@pytest.mark.parametrize("used_for", ["register", "password"])
def test_a_proof_serves_its_purpose_only(world: World, made_for: str, used_for: str) -> None:
    """Of every pair of purposes only equal ones fit; a refused one is left as it was."""
    sid = proved_for(world, made_for)
    before = dump(world)
    if made_for == used_for:
        assert stage(world, sid, used_for).purpose.value == used_for
        return
    with pytest.raises(errors.Unauthorized):
        stage(world, sid, used_for)
    assert dump(world) == before


@pytest.mark.rule("REQ-IDS-2", "REQ-UIA-2", "REQ-UIA-3", "REQ-UIA-8")
@pytest.mark.parametrize(
    "auth",
    [
        lambda sid: {"threepid_creds": {"sid": sid, "client_secret": "secret"}},
        lambda sid: {"threepidCreds": {"sid": sid, "client_secret": "secret"}},
        lambda sid: {"threepidCreds": [{"sid": sid, "client_secret": "secret"}]},
        lambda sid: {"threepid_creds": [{"sid": sid, "clientSecret": "secret"}]},
        lambda sid: {"threepid_creds": {"sid": sid, "client_secret": "secret", "id_server": "is.example.org"}},
        lambda sid: {
            "threepid_creds": {"sid": sid, "client_secret": "secret", "id_server": "x", "id_access_token": "t"}
        },
    ],
)
def test_creds_are_read_in_every_spelling(world: World, auth: Callable[[str], dict[str, Any]]) -> None:
    """The object of today, the list of r0, older member names, and an identity server that is ignored all work."""
    assert check(world, auth(proved_for(world, "register"))).sid


@pytest.mark.rule("REQ-UIA-4", "SEC-37")
@pytest.mark.parametrize(
    ("creds", "error"),
    [
        (None, errors.MissingParam),
        ({}, errors.MissingParam),
        ({"sid": "x"}, errors.MissingParam),
        ([], errors.InvalidParam),
        ("x", errors.InvalidParam),
        ([{}, {}], errors.InvalidParam),
        ({"sid": "", "client_secret": "x"}, errors.InvalidParam),
        ({"sid": {}, "client_secret": "x"}, errors.InvalidParam),
        ({"sid": "x", "client_secret": []}, errors.InvalidParam),
        ({"sid": "nobody", "client_secret": "x"}, errors.Unauthorized),
    ],
)
def test_bad_creds_are_an_answer_not_an_accident(world: World, creds: Any, error: type[Exception]) -> None:
    """Credentials of the wrong shape raise the error whose code the host puts into its 401."""
    with pytest.raises(error):
        check(world, {"threepid_creds": creds})
    with pytest.raises(errors.MissingParam):
        check(world, {})


@pytest.mark.rule("REQ-SESS-8")
def test_wrong_secrets_and_unknown_sessions_look_alike(world: World) -> None:
    """The stage tells neither from the other."""
    sid = proved_for(world, "register")
    answers = []
    for name, secret in ((sid, "other"), ("nobody", "secret")):
        with pytest.raises(errors.Unauthorized) as caught:
            stage(world, name, "register", secret=secret)
        answers.append(caught.value.body())
    assert answers[0] == answers[1]


@pytest.mark.rule("REQ-UIA-1", "SEC-49")
def test_a_stage_takes_its_own_medium(make_world: Callable[..., World]) -> None:
    """A mail session does not complete ``m.login.msisdn``."""
    world = make_world()
    sid = proved_for(world, "register")
    with pytest.raises(errors.Unauthorized):
        stage(world, sid, "register", name="m.login.msisdn")
    assert stage(world, sid, "register").threepid.medium is Medium.EMAIL


@pytest.mark.parametrize(("age", "ok"), [(HOUR - 1, True), (HOUR, False)])
def test_a_proof_is_good_for_an_hour(world: World, age: int, ok: bool) -> None:
    """One hour after its validation a session completes no stage."""
    sid = proved_for(world, "register")
    world.clock.advance(age)
    if ok:
        assert stage(world, sid, "register").sid == sid
        return
    with pytest.raises(errors.Unauthorized):
        stage(world, sid, "register")


@pytest.mark.rule("REQ-UIA-7")
def test_registration_looks_again_whether_the_address_is_free(world: World) -> None:
    """If somebody got the address between stage and registration, the host hears M_THREEPID_IN_USE."""
    proof = stage(world, proved_for(world, "register"), "register")
    give(world, "alice@example.org", BOB)
    with pytest.raises(errors.ThreepidInUse):
        run_sync(world.stages.confirm(proof))


@pytest.mark.rule("REQ-UIA-7", "SEC-55")
def test_registration_asks_the_rules_again(world: World) -> None:
    """An address denied after its validation raises M_THREEPID_DENIED, and its session is dead."""
    proof = stage(world, proved_for(world, "register"), "register")
    world.rules.denied.add("alice@example.org")
    with pytest.raises(errors.ThreepidDenied):
        run_sync(world.stages.confirm(proof))
    world.rules.denied.clear()
    with pytest.raises(errors.Unauthorized):
        run_sync(world.stages.confirm(proof))


def test_a_registration_is_nobodys_yet(world: World) -> None:
    """A session to register works for a new account even if an access token came with its request."""
    sid = proved_for(world, "register", user=ALICE)
    assert stage(world, sid, "register").owner is None


def test_offered_stages_are_those_that_work(make_world: Callable[..., World]) -> None:
    """A stage is offered only if its medium is wired, and phones reset passwords only by policy."""
    both = {Medium.EMAIL: Outbox(), Medium.MSISDN: Outbox()}
    assert make_world(senders={}).stages.offered(Purpose.REGISTER) == ()
    assert make_world().stages.offered(Purpose.PASSWORD) == (STAGE,)
    assert make_world(senders=both).stages.offered(Purpose.REGISTER) == (STAGE, "m.login.msisdn")
    assert make_world(senders=both).stages.offered(Purpose.PASSWORD) == (STAGE,)
    assert "m.login.msisdn" in make_world({"password_reset_by_phone": True}, senders=both).stages.offered(
        Purpose.PASSWORD
    )
