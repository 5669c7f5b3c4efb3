"""A phone number from the request to the account, to registration and to login."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Purpose, Texts, run_sync
from matrix_threepid.events import MessageSent
from matrix_threepid.flows.login import user_of_login
from matrix_threepid.model.message import Outcome, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.protocol.errors import Unauthorized
from matrix_threepid.senders._sms import sms_text
from matrix_threepid.testing import ALICE, World

from .acting import SUBMIT, ask, outcome, submit, texting

PATHS = {
    "add": "/account/3pid/msisdn/requestToken",
    "register": "/register/msisdn/requestToken",
    "password": "/account/password/msisdn/requestToken",
}


@pytest.fixture
def phones(make_world: Callable[..., World]) -> World:
    """A world that sends SMS."""
    return texting(make_world)


@pytest.mark.rule("REQ-MSISDN-1")
@pytest.mark.parametrize("path", [PATHS["add"], PATHS["register"]])
def test_the_answer_says_where_to_type_the_code(phones: World, path: str) -> None:
    """A requestToken for a number answers session, submit_url and the number in both forms."""
    answer = ask(phones, "07700 900001", path=path).json()
    assert answer.pop("sid")
    assert answer == {
        "submit_url": f"https://hs.example.org{SUBMIT}",
        "success": True,
        "msisdn": "447700900001",
        "intl_fmt": "+44 7700 900001",
    }


def test_the_message_holds_what_a_text_needs(phones: World) -> None:
    """Senders get number, code and the names of the server; the code is nowhere in the answer."""
    answer = ask(phones, user=ALICE)
    message = phones.sms.last
    assert (message.recipient, message.link) == ("447700900001", None)
    assert (message.server, message.host, message.account) == ("hs.example.org", "hs.example.org", ALICE)
    assert (message.code or "?").encode() not in answer.body


@pytest.mark.rule("REQ-MSISDN-9")
@pytest.mark.parametrize(
    ("policy", "host"),
    [({}, "hs.example.org"), ({"code_host": "app.example.org"}, "app.example.org"), ({"code_host": None}, "")],
    ids=["by default", "chosen", "none"],
)
def test_a_host_says_whose_site_a_code_is_for(
    make_world: Callable[..., World], policy: dict[str, Any], host: str
) -> None:
    """The last line names the site of ``Policy.code_host``; ``None`` leaves the line out."""
    world = texting(make_world, policy=policy)
    ask(world)
    assert world.sms.last.host == host
    lines = sms_text(Texts(), world.sms.last).splitlines()
    assert lines[1:] == (["", f"@{host} #{world.sms.last.code}"] if host else [])


@pytest.mark.rule("REQ-MSISDN-2")
def test_a_number_goes_on_the_account_and_logs_in(phones: World) -> None:
    """Ask, type the code, add with a password; from then on the number names the account, however it is dialled."""
    sid = ask(phones, "07700 900001", user=ALICE).json()["sid"]
    assert submit(phones, sid, phones.sms.last.code or "").json() == {"success": True}
    assert phones.add(sid).status == 200
    assert phones.threepids() == ["447700900001"]
    for identifier in [
        {"country": "GB", "phone": "07700900001"},
        {"country": "DE", "number": "0044 7700 900001"},
        {"country": "gb", "phone": "tel:07700-900001"},
        {"country": "", "phone": "\u202a+44\u202f7700\u00a0900001\u202c"},
        {"phone": "+447700900001"},
    ]:
        body = {"identifier": {"type": "m.id.phone", **identifier}}
        assert run_sync(user_of_login(phones.homeserver, body)) == ALICE


def test_a_number_proves_a_stage_of_registration(phones: World) -> None:
    """``m.login.msisdn`` is complete once the code was typed, and not before."""
    sid = ask(phones, path=PATHS["register"]).json()["sid"]
    auth = {"type": "m.login.msisdn", "threepid_creds": {"sid": sid, "client_secret": "secret"}}
    assert "m.login.msisdn" in phones.stages.offered(Purpose.REGISTER)
    with pytest.raises(Unauthorized):
        run_sync(phones.stages.check("m.login.msisdn", auth, "u1", Purpose.REGISTER))
    submit(phones, sid, phones.sms.last.code or "")
    proof = run_sync(phones.stages.check("m.login.msisdn", auth, "u1", Purpose.REGISTER))
    assert proof.identifier.address == "447700900001"


@pytest.mark.rule("SEC-46")
@pytest.mark.parametrize("allowed", [False, True])
def test_a_reset_by_phone_is_off_unless_asked_for(make_world: Callable[..., World], allowed: bool) -> None:
    """Numbers change hands, so they reset passwords only where the host says so."""
    world = texting(make_world, policy={"password_reset_by_phone": allowed})
    refused = ask(world, path=PATHS["password"])
    expected = "M_THREEPID_NOT_FOUND" if allowed else "M_THREEPID_MEDIUM_NOT_SUPPORTED"
    assert outcome(refused) == (400, expected)
    assert ("m.login.msisdn" in world.stages.offered(Purpose.PASSWORD)) is allowed


@pytest.mark.rule("SEC-120")
@pytest.mark.answers_5xx(503)
@pytest.mark.parametrize(
    ("became", "first", "again"),
    [
        (Unknown("no answer"), 200, 1),
        (RefusedForNow("busy"), (503, "M_UNKNOWN"), 2),
        (RefusedForNow("too often", 5_000), (429, "M_LIMIT_EXCEEDED"), 2),
        (RefusedForever("a landline"), (400, "M_INVALID_PARAM"), 2),
        (RefusedForever("the region is off", denied=True), (403, "M_THREEPID_DENIED"), 2),
    ],
    ids=["unknown", "refused for now", "limited", "refused for ever", "denied"],
)
def test_what_became_of_an_sms_decides_about_the_next(phones: World, became: Outcome, first: Any, again: int) -> None:
    """The same attempt sends again only if nothing can have gone out; a larger attempt always does."""
    phones.sms.outcomes = [became]
    assert outcome(ask(phones)) == first
    assert outcome(ask(phones)) == 200
    assert len(phones.sms.messages) == again
    assert outcome(ask(phones, attempt=2)) == 200
    assert len(phones.sms.messages) == again + 1
    assert phones.events.of(MessageSent)[0].outcome == became


async def die() -> None:
    """End the process in the middle of a sending."""
    raise KeyboardInterrupt


@pytest.mark.rule("SEC-121", "SEC-256")
@pytest.mark.parametrize("deferred", [False, True])
def test_a_crash_while_sending_sends_no_second_sms(make_world: Callable[..., World], deferred: bool) -> None:
    """If the process dies with the SMS under way, neither the worker nor the same attempt sends it again."""
    world = texting(make_world, policy={"deferred_sending": deferred})

    if deferred:
        ask(world)
    world.sms.before = die
    with pytest.raises(KeyboardInterrupt):
        run_sync(world.service.deliver_due()) if deferred else ask(world)
    world.sms.before = None
    world.clock.advance(3_600_000)
    assert run_sync(world.service.deliver_due()) == 0
    assert outcome(ask(world)) == 200
    run_sync(world.service.deliver_due())
    assert world.sms.messages == []
    assert outcome(ask(world, attempt=2)) == 200
