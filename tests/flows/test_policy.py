"""Choices of a host: safe by default, strict all at once, and refused when they cannot work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import ConfigurationError, Limit, Policy
from matrix_threepid.testing import BASE_URL, World

from .acting import deliver, give, refusal


@pytest.mark.rule("SEC-32")
@pytest.mark.parametrize(
    "url",
    [
        "http://hs.example.org",
        "ftp://hs.example.org",
        "hs.example.org",
        "https://",
        "https://user@hs.example.org",
        "https://hs.example.org?x=1",
        "https://hs.example.org#x",
        "https://hs.example.org/",
        "https://exämple.org",
        "https://hs.example.org/\r\nx",
        "https://hs.example.org:99999",
    ],
)
def test_a_base_url_that_cannot_work_is_refused(url: str) -> None:
    """Links lead where the configuration says, so it must say something usable: https, no user-info, no query."""
    with pytest.raises(ConfigurationError, match="public_base_url"):
        Policy(public_base_url=url)


@pytest.mark.parametrize(
    "url", ["https://hs.example.org", "https://hs.example.org:8448/matrix", "http://localhost:8008"]
)
def test_a_base_url_that_works_is_taken(make_world: Callable[..., World], url: str) -> None:
    """The link of a mail starts with the base URL, path and all."""
    world = make_world({"public_base_url": url})
    world.ask()
    assert (world.outbox.last.link or "").startswith(f"{url}/_matrix/client/unstable/threepid/email/submit_token?sid=")


@pytest.mark.parametrize(
    "choice",
    [
        {"legacy_add": "maybe"},
        {"identity_server_hint": "believe"},
        {"password_reset_by": "pigeon"},
        {"code_digits": 4},
        {"guesses_per_code": 0},
        {"languages": ()},
        {"languages": "en"},
        {"next_link_hosts": "app.example.org"},
    ],
)
def test_a_choice_that_does_not_exist_is_refused(choice: dict[str, Any]) -> None:
    """What a policy cannot mean is refused while the host starts."""
    with pytest.raises(ConfigurationError, match=next(iter(choice))):
        Policy(**choice)


@pytest.mark.parametrize(("burst", "per_second"), [(0, 1), (-1, 1), (1, 0), (1, -1)])
def test_a_limit_lets_something_through(burst: int, per_second: float) -> None:
    """A limit of nothing is a mistake."""
    with pytest.raises(ConfigurationError):
        Limit(burst, per_second)


def test_hardened_is_strict_everywhere(make_world: Callable[..., World]) -> None:
    """One word switches on every strict choice."""
    world = make_world()
    world.rewire(policy=Policy.hardened(public_base_url=BASE_URL))
    give(world)
    assert world.ask("bob@example.org").status == 200
    assert refusal(world.ask(body={"id_server": "is.example.org"})) == (400, "M_SERVER_NOT_TRUSTED")
    assert refusal(world.ask(body={"next_link": "https://app.example.org"})) == (400, "M_INVALID_PARAM")
    world.clock.advance(world.homeserver.policy.limits.pause)
    assert "submit_url" in world.ask("bob@example.org", purpose="password").json()
    assert not world.outbox.messages
    deliver(world)
    assert [len(message.code) for message in world.outbox.messages if message.code] == [8]


def test_the_hosts_word_is_the_last(make_world: Callable[..., World]) -> None:
    """A choice given to ``hardened`` wins over the strict one."""
    policy = Policy.hardened(legacy_add="off", next_link_hosts={"app.example.org"})
    assert (policy.legacy_add, policy.next_link_hosts) == ("off", frozenset({"app.example.org"}))
    assert policy.hide_known_addresses


def test_intranet_domains_are_taken_when_named(make_world: Callable[..., World]) -> None:
    """A mail domain the public system lacks is refused, unless the policy names it."""
    assert refusal(make_world().ask("a@mail.intranet.test")) == (400, "M_INVALID_PARAM")
    world = make_world({"intranet_domains": {"mail.intranet.test"}})
    assert world.ask("a@mail.intranet.test").status == 200
    assert refusal(world.ask("a@other.test")) == (400, "M_INVALID_PARAM")


def test_a_small_body_limit_holds(make_world: Callable[..., World]) -> None:
    """The host decides how large a body may be, to the byte."""
    world = make_world({"max_body": 100})
    for size, status in ((100, 400), (101, 413)):
        body = b'{"x":"' + b"a" * (size - 8) + b'"}'
        assert world.post("/register/email/requestToken", body).status == status


@pytest.mark.parametrize("value", ["", "is.example.org", 5, {}, False])
@pytest.mark.rule("REQ-IDS-3")
def test_a_strict_host_refuses_an_identity_server_of_any_type(make_world: Callable[..., World], value: object) -> None:
    """With ``identity_server_hint="refuse"`` an ``id_server`` that is there is refused, and ``null`` is none."""
    world = make_world({"identity_server_hint": "refuse"})
    assert refusal(world.ask(body={"id_server": value})) == (400, "M_SERVER_NOT_TRUSTED")
    assert world.ask(body={"id_server": None}).status == 200


def test_hiding_addresses_implies_deferred_sending() -> None:
    """Addresses cannot be hidden from those who look at the time of an answer, so messages go out after it."""
    assert Policy(hide_known_addresses=True, deferred_sending=False).deferred_sending
    assert not Policy().deferred_sending
