"""What senders are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matrix_threepid.testing import World

from .acting import HOUR


def test_a_message_carries_the_circumstances(make_world: Callable[..., World]) -> None:
    """Senders get purpose, account, time, masked origin, language and lifetime as values."""
    world = make_world({"languages": ("en", "de")})
    world.ask(user="@alice:hs.example.org", headers={"accept-language": "de"})
    message = world.outbox.last
    assert (message.purpose.value, message.account, message.language) == ("add", "@alice:hs.example.org", "de")
    assert (message.requested_at, message.lifetime, message.origin) == (world.clock.now, HOUR, "203.0.113.*")


@pytest.mark.parametrize(
    ("client", "origin"),
    [
        ("203.0.113.7", "203.0.113.*"),
        ("::ffff:203.0.113.7", "203.0.113.*"),
        ("2001:db8:1:2a::7", "2001:db8:1:2a:*"),
        ("2001:db8::1", "2001:db8:*"),
        ("fe80::1%eth0", "fe80:*"),
        (None, ""),
        ("no address", ""),
    ],
)
def test_the_origin_is_coarse(world: World, client: str | None, origin: str) -> None:
    """Of the client's address the network is shown: three of four parts, or the /64."""
    world.ask(client=client)
    assert world.outbox.last.origin == origin
