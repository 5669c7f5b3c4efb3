"""From requestToken over a real mail server to the confirmed address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from smtp.messages import SENDER, link_in, parsed
from smtp.scripted import Action, hang_up, scripted
from smtp.sink import certified, sink, trusting

from matrix_threepid import Medium
from matrix_threepid.senders.smtp.sender import SmtpSender
from matrix_threepid.testing import World

MakeWorld = Callable[..., World]


def mailing(port: int, **options: Any) -> SmtpSender:
    usual = {"sender": f"Example <{SENDER}>", "server_name": "hs.example.org", "tls": "off"}
    return SmtpSender("localhost", port, **{**usual, **options})


def confirms(world: World, content: bytes) -> bool:
    """Open the link in a mail and press the button; return whether both were taken."""
    message: Any = SimpleNamespace(link=link_in(content))
    return (world.open_link(message).status, world.confirm(message).status) == (200, 303)


@pytest.mark.rule("SEC-263")
def test_the_link_in_the_mail_proves_the_address(make_world: MakeWorld) -> None:
    """A person gets the mail over TLS, opens its link, confirms, and adds the address."""
    with sink(tls_context=certified(), require_starttls=True) as server:
        with closing(mailing(server.port, tls="starttls", context=trusting())) as sender:
            world = make_world(senders={Medium.EMAIL: sender})
            sid = world.ask("Bob@Example.org").json()["sid"]
        assert parsed(server.last())["To"] == "Bob@example.org"
        assert confirms(world, server.last())
        assert world.add(sid).status == 200
        assert world.threepids() == ["bob@example.org"]


@pytest.mark.answers_5xx(503)
@pytest.mark.parametrize("death", [{"greeting": hang_up}, {"MAIL": hang_up}, {"RCPT": hang_up}, {"DATA": hang_up}])
def test_a_server_that_dies_before_it_has_the_mail_costs_a_retry(
    make_world: MakeWorld, death: Mapping[str, Action]
) -> None:
    """The request is told to come back; the same ``send_attempt`` then sends, under the same ``sid``."""
    with scripted(death, {}) as server, closing(mailing(server.port)) as sender:
        world = make_world(senders={Medium.EMAIL: sender})
        assert world.ask(attempt=1).status == 503
        assert world.ask(attempt=1).status == 200
        sids = {world.ask(attempt=attempt).json()["sid"] for attempt in (1, 2)}
        assert (len(sids), len(server.mails)) == (1, 2)
        assert confirms(world, server.mails[0])


def test_a_server_that_dies_after_it_has_the_mail_costs_nothing(make_world: MakeWorld) -> None:
    """The mail counts as sent: no second one for the same attempt, and the link that was delivered works."""
    with scripted({"dot": hang_up}, {}) as server, closing(mailing(server.port)) as sender:
        world = make_world(senders={Medium.EMAIL: sender})
        sids = [world.ask(attempt=1).json()["sid"] for _ in range(2)]
        assert (len(set(sids)), len(server.mails)) == (1, 1)
        assert confirms(world, server.mails[0])
        assert world.add(sids[0]).status == 200


@pytest.mark.parametrize("answer", [b"550 5.1.1 unknown\r\n", b"553 no\r\n"])
def test_an_address_the_server_refuses_is_told_to_the_client(make_world: MakeWorld, answer: bytes) -> None:
    """A recipient that is refused for ever is the client's mistake, and a later attempt may still succeed."""
    with scripted({"RCPT": answer}, {}) as server, closing(mailing(server.port)) as sender:
        world = make_world(senders={Medium.EMAIL: sender})
        refused = world.ask()
        assert (refused.status, refused.json()["errcode"]) == (400, "M_INVALID_PARAM")
        assert world.ask().status == 200
        assert len(server.mails) == 1
