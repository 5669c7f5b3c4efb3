"""Addresses for tests: a fixed code, no message, and nothing that matters is proved by them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import evolve
from sms.acting import asking, texting

from matrix_threepid import ConfigurationError, Delegate, IdentityServer, Medium, Peppers, Policy, Response
from matrix_threepid.commands.checking.choices import of_policy
from matrix_threepid.observing import Cause, explain
from matrix_threepid.offload import run_sync
from matrix_threepid.policy import AddressForTests
from matrix_threepid.testing import ALICE, BASE_URL, GENEROUS, World

from .acting import deliver, give

MAIL, NUMBER, CODE = "reviewer@example.com", "447700900042", "424242"
PATHS = {"add": "/account/3pid", "register": "/register", "password": "/account/password"}
SUBMIT = "/_matrix/client/unstable/threepid/{}/submit_token"


def day(ahead: int, now: int = 1_700_000_000_000) -> str:
    """Return a day, so many days after that of the worlds."""
    return (datetime.fromtimestamp(now / 1000, timezone.utc) + timedelta(days=ahead)).date().isoformat()


def both(until: str | None = None) -> tuple[AddressForTests, ...]:
    """Return one address of each medium."""
    return tuple(AddressForTests(address=each, code=CODE, until=until or day(7)) for each in (MAIL, NUMBER))


@pytest.fixture
def make_tested(make_world: Callable[..., World]) -> Callable[..., World]:
    """Return what makes a world with mail, SMS and both addresses."""

    def make(**policy: Any) -> World:
        world = texting(make_world, policy={"test_addresses": both(), "password_reset_by_phone": True, **policy})
        world.rewire(senders={Medium.EMAIL: world.outbox, Medium.MSISDN: world.sms})
        return world

    return make


def ask(world: World, medium: Medium, purpose: str = "add", **more: Any) -> Response:
    if medium is Medium.EMAIL:
        return world.ask(MAIL, purpose=purpose, **more)
    return world.post(f"{PATHS[purpose]}/msisdn/requestToken", asking(f"+{NUMBER}"), **more)


def submit(world: World, medium: Medium, sid: str, code: str) -> Response:
    return world.post(SUBMIT.format(medium.value), {"sid": sid, "client_secret": "secret", "token": code})


def sent(world: World) -> int:
    while deliver(world):
        pass
    return len(world.outbox.messages) + len(world.sms.messages)


@pytest.mark.rule("SEC-164")
@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize("medium", Medium)
def test_the_fixed_code_adds(make_tested: Callable[..., World], medium: Medium, deferred: bool) -> None:
    """The code is typed at ``submit_url``, the address is added, and nothing is sent, be it a notice."""
    world = make_tested(deferred_sending=deferred)
    asked = ask(world, medium).json()
    assert asked["submit_url"] == BASE_URL + SUBMIT.format(medium.value)
    assert submit(world, medium, asked["sid"], CODE).status == 200
    assert world.add(asked["sid"]).status == 200
    assert world.threepids() == [MAIL if medium is Medium.EMAIL else NUMBER]
    give(world, MAIL, ALICE)
    world.post("/account/3pid/delete", {"medium": "msisdn", "address": NUMBER}, ALICE)
    assert sent(world) == 0


@pytest.mark.rule("SEC-164")
@pytest.mark.parametrize("medium", Medium)
def test_it_registers(make_tested: Callable[..., World], medium: Medium) -> None:
    """The code proves the address for a new account."""
    world = make_tested()
    sid = ask(world, medium, "register").json()["sid"]
    assert submit(world, medium, sid, CODE).status == 200
    assert sent(world) == 0


@pytest.mark.rule("SEC-164")
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("medium", Medium)
def test_it_resets_no_password(make_tested: Callable[..., World], medium: Medium, hidden: bool) -> None:
    """A reset is refused, whether or not the address is on an account, and nothing is sent."""
    world = make_tested(hide_known_addresses=hidden)
    for _ in range(2):
        refused = ask(world, medium, "password")
        assert (refused.status, refused.json()["errcode"]) == (403, "M_THREEPID_DENIED")
        give(world, MAIL, ALICE)
    assert sent(world) == 0


@pytest.mark.rule("SEC-164")
def test_a_session_for_another_purpose_has_another_code(make_world: Callable[..., World]) -> None:
    """A reset that was asked for before the address was one for tests does not take its code."""
    world = make_world({"password_reset_by": "code"})
    give(world, MAIL, ALICE)
    sid = world.ask(MAIL, purpose="password").json()["sid"]
    world.rewire(policy=evolve(world.homeserver.policy, test_addresses=both()))
    assert submit(world, Medium.EMAIL, sid, CODE).status == 400


@pytest.mark.rule("SEC-164")
@pytest.mark.parametrize("medium", Medium)
def test_guesses_are_limited_as_usual(make_tested: Callable[..., World], medium: Medium) -> None:
    """Five wrong codes end the code, and the guesses of a day are counted for the address."""
    world = make_tested(limits=evolve(GENEROUS, guesses=7, guesses_kept=0))
    sid = ask(world, medium).json()["sid"]
    assert [submit(world, medium, sid, "000000").status for _ in range(5)] == [400] * 5
    assert submit(world, medium, sid, CODE).status == 400
    again = ask(world, medium, attempt=2) if medium is Medium.EMAIL else ask(world, medium, "register")
    answers = [submit(world, medium, again.json()["sid"], "000000").status for _ in range(3)]
    assert answers == [400, 400, 429]


@pytest.mark.rule("SEC-164")
def test_it_ends(make_tested: Callable[..., World]) -> None:
    """From the day after, the address is like any other: its mail is sent, and the fixed code is wrong."""
    world = make_tested(mail_proof="code")
    world.clock.advance(8 * 86_400_000)
    sid = world.ask(MAIL).json()["sid"]
    assert len(world.outbox.messages) == 1
    assert submit(world, Medium.EMAIL, sid, CODE).status == 400
    assert submit(world, Medium.EMAIL, sid, world.outbox.last.code or "").status == 200


@pytest.mark.rule("SEC-164")
@pytest.mark.parametrize(
    "address",
    [
        *("447700900000", "447700900999", "441632960123", "12025550123", "33639980042", "491713920099", "46701740650"),
        *("a@example.org", "a.b+c@mail.example.com", "a@x.test", "a@b.example", "a@x.invalid"),
    ],
)
def test_fictitious_ones_are_taken(address: str) -> None:
    """Published ranges of numbers, and reserved domains."""
    assert AddressForTests(address=address, code=CODE, until="2027-01-31").threepid.address == address


@pytest.mark.rule("SEC-164")
@pytest.mark.parametrize(
    "address",
    [
        *("447700901000", "447911123456", "12025551234", "33612345678", "491711234567", "46701234567", ""),
        *("a@gmail.com", "a@example.com.evil.net", "a@notexample.com", "a@test.com", "A@example.org", "@example.org"),
        *("a@example.org\n", "4477009000420", "+447700900042"),
    ],
)
def test_real_ones_are_refused(address: str) -> None:
    """Anything that may belong to somebody."""
    with pytest.raises(ConfigurationError, match=r"policy\.test_addresses\.address"):
        AddressForTests(address=address, code=CODE, until="2027-01-31")


@pytest.mark.rule("SEC-164")
@pytest.mark.parametrize("wrong", [{"code": "12345"}, {"code": "abcdef"}, {"until": "soon"}, {"until": "2027-02-30"}])
def test_nonsense_is_refused(wrong: dict[str, str]) -> None:
    """Codes that are no codes, and days that are none, are named."""
    with pytest.raises(ConfigurationError, match=rf"policy\.test_addresses\.{next(iter(wrong))}"):
        AddressForTests(**{"address": MAIL, "code": CODE, "until": "2027-01-31", **wrong})


@pytest.mark.rule("SEC-164")
def test_there_are_few_and_they_end_soon(make_world: Callable[..., World]) -> None:
    """Ten at most, none twice, and until 90 days ahead at the latest."""
    many = tuple(AddressForTests(address=f"a{n}@example.org", code=CODE, until=day(7)) for n in range(11))
    for wrong in (many, (many[0], many[0])):
        with pytest.raises(ConfigurationError, match=r"policy\.test_addresses"):
            Policy(test_addresses=wrong)
    assert make_world({"test_addresses": both(day(90))})
    with pytest.raises(ConfigurationError, match="at most 90 days ahead"):
        make_world({"test_addresses": both(day(91))})


@pytest.mark.rule("SEC-164")
def test_a_hardened_policy_and_other_roles_refuse_them() -> None:
    """``Policy.hardened``, a delegate and an identity server have none."""
    with pytest.raises(ConfigurationError, match="hardened"):
        Policy.hardened(test_addresses=both())
    policy = Policy(test_addresses=both())
    with pytest.raises(ConfigurationError, match="only a homeserver"):
        Delegate(server_name="example.org", peppers=Peppers.of(bytes(32)), policy=policy)
    with pytest.raises(ConfigurationError, match="only a homeserver"):
        IdentityServer(server_name="example.org", peppers=Peppers.of(bytes(32)), policy=policy, signer=None)  # type: ignore[arg-type]


@pytest.mark.rule("SEC-164")
def test_they_are_named_at_every_start(make_tested: Callable[..., World], caplog: pytest.LogCaptureFixture) -> None:
    """The log of a start and ``check`` name each with its end, and neither has the code."""
    with caplog.at_level(logging.WARNING, "matrix_threepid"):
        world = make_tested()
    lines = [each.getMessage() for each in caplog.records if "test_addresses" in each.getMessage()]
    assert {line.split()[1] for line in lines} == {"r***@example.com", "44*******042"}
    found = [each.text for each in of_policy(world.homeserver) if each.about == "test_addresses"]
    assert [day(7) in each for each in found[:2]] == [True, True]
    assert CODE not in repr((lines, found, world.homeserver.policy))


def test_an_operator_is_told(make_tested: Callable[..., World]) -> None:
    """``explain`` says why no message comes."""
    found = run_sync(explain(make_tested().homeserver, MAIL))
    assert {found.cause_of(purpose) for purpose in PATHS} == {Cause.FOR_TESTS}
