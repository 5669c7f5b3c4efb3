"""Wiring that is wrong says so when it is built; what is off says why."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import ConfigurationError, Medium, Peppers, Texts
from matrix_threepid.hosts import Asgi, ThreepidResource, Wsgi
from matrix_threepid.senders import SmtpSender
from matrix_threepid.testing import FakeAccounts, Outbox, World

from .acting import SUBMIT, refusal


class Nothing:
    """A port without methods."""


@pytest.mark.parametrize(
    ("port", "lacks"),
    [
        ("accounts", "owner(), list(), add(), remove()"),
        ("callers", "identify()"),
        ("uia", "require()"),
        ("sessions", "open(), get(), find(), replace(), lease_due()"),
        ("limiter", "charge(), give_back(), used(), forget(), purge()"),
        ("rules", "allows()"),
        ("listener", "on()"),
        ("pages", "render()"),
    ],
)
def test_a_port_that_lacks_something_is_named(make_world: Callable[..., World], port: str, lacks: str) -> None:
    """A port without its methods is refused at once, and the message says which."""
    with pytest.raises(ConfigurationError) as caught:
        make_world(**{port: Nothing()})
    assert str(caught.value).startswith(f"{port}=Nothing lacks {lacks}")


def test_a_class_is_no_port(make_world: Callable[..., World]) -> None:
    """A class given for its instance is refused by name, with the remedy."""
    with pytest.raises(ConfigurationError, match="accounts=FakeAccounts is a class: give an instance"):
        make_world(accounts=FakeAccounts)


@pytest.mark.parametrize("name", ["https://example.org", "example.org/", "", "exa mple.org", "@a:example.org", None, 7])
def test_a_server_has_a_matrix_server_name(make_world: Callable[..., World], name: Any) -> None:
    """``server_name`` is host[:port]; a URL or anything else is refused, and the message says what is asked for."""
    with pytest.raises(ConfigurationError, match="server_name: must be a Matrix server name"):
        make_world(server_name=name)


@pytest.mark.parametrize("host", [Asgi, Wsgi, ThreepidResource])
def test_a_host_is_made_of_a_service(world: World, host: Any) -> None:
    """A role given for its service is refused, and the message shows how to make one."""
    with pytest.raises(
        ConfigurationError, match=r"must be given a Service, such as Service\(homeserver\), got Homeserver"
    ):
        host(world.homeserver)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"port": "25"}, "port: must be a whole number"),
        ({"port": 0}, "port: must be a whole number"),
        ({"port": 465}, "port: 465 is not the port of tls='starttls': port 465 takes tls='implicit'"),
        ({"port": 587, "tls": "implicit"}, "port 587 takes tls='starttls'"),
    ],
)
def test_a_mail_server_is_spoken_to_as_its_port_expects(given: dict[str, Any], rule: str) -> None:
    """A port of the wrong type, or one that waits for the other way to secure the connection, is refused at once."""
    with pytest.raises(ConfigurationError, match=re.escape(rule)):
        SmtpSender("mail.example.org", sender="noreply@example.org", server_name="example.org", **given)


def test_texts_are_where_they_are_said_to_be() -> None:
    """A directory of texts that is not there is refused, in place of built-in words later."""
    with pytest.raises(ConfigurationError, match="texts: there is no directory"):
        Texts("/does/not/exist")


@pytest.mark.parametrize("senders", [{"email": Outbox()}, {Medium.EMAIL: Nothing()}])
def test_senders_belong_to_media(make_world: Callable[..., World], senders: dict[Any, Any]) -> None:
    """Senders are given by medium, and can send."""
    with pytest.raises(ConfigurationError, match="sender"):
        make_world(senders=senders)


@pytest.mark.rule("SEC-136")
@pytest.mark.parametrize("key", [b"", b"short", b"x" * 31, "x" * 32])
def test_a_pepper_is_long(key: Any) -> None:
    """A pepper of fewer than 32 bytes is refused, and not repeated."""
    with pytest.raises(ConfigurationError) as caught:
        Peppers.of(key)
    assert "xxx" not in str(caught.value)


def test_raw_bytes_are_no_peppers(make_world: Callable[..., World]) -> None:
    """Peppers that are none are refused while the host starts."""
    with pytest.raises(ConfigurationError):
        make_world(peppers=b"x" * 32)


@pytest.mark.rule("SEC-136")
@pytest.mark.parametrize(
    ("policy", "wiring", "reason"),
    [({}, {"senders": {}}, "no sender"), ({"public_base_url": None}, {}, "public_base_url")],
)
def test_what_is_off_says_why(
    make_world: Callable[..., World], policy: dict[str, Any], wiring: dict[str, Any], reason: str
) -> None:
    """Endpoints that cannot work are listed with their reason, and are not there for clients."""
    world = make_world(policy, **wiring)
    off = {name: why for name, why in world.service.off.items() if "email" in name}
    assert len(off) == 6
    assert all(reason in why for why in off.values())
    assert refusal(world.call("GET", SUBMIT)) == (404, "M_UNRECOGNIZED")


def test_a_whole_wiring_has_everything_on(make_world: Callable[..., World]) -> None:
    """With both senders wired nothing of e-mail and phones is off."""
    world = make_world(senders={Medium.EMAIL: Outbox(), Medium.MSISDN: Outbox()})
    assert not [name for name in world.service.off if "email" in name or "msisdn" in name]


def test_a_host_can_ask_what_is_ours(world: World) -> None:
    """``serves`` knows every path of the table in every version, and nothing else."""
    assert world.service.serves("/_matrix/client/r0/account/3pid/add")
    assert world.service.serves("/_matrix/client/v3/account/3pid/add/")
    assert not world.service.serves("/_matrix/client/v1/account/3pid/add")
    assert not world.service.serves("/_matrix/client/v3/login")


def test_a_host_of_mails_needs_no_package_for_phone_numbers() -> None:
    """Without ``phonenumbers`` mails work; a sender for numbers is refused, naming the package and the remedy."""
    program = """
import sys
sys.modules["phonenumbers"] = None
from matrix_threepid import ConfigurationError, Medium
from matrix_threepid.testing import Outbox, World
world = World()
assert world.ask().status == 200
assert world.post("/account/3pid/msisdn/requestToken", {}).json()["errcode"] == "M_THREEPID_MEDIUM_NOT_SUPPORTED"
try:
    World(senders={Medium.MSISDN: Outbox()})
except ConfigurationError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603
    assert ran.stderr == ""
    assert "phonenumbers" in ran.stdout
    assert "matrix-threepid[phone]" in ran.stdout
