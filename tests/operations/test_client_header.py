"""Which address is the client's behind one proxy, several, or one that nobody configured."""

from __future__ import annotations

import logging

import pytest

from matrix_threepid import ConfigurationError
from matrix_threepid.hosts import ClientHeader, client_of
from matrix_threepid.hosts import _proxies as proxies

NAME = "X-Forwarded-For"
HOPS = ClientHeader(NAME, hops=2)
RANGES = ClientHeader(NAME, trusted=("10.0.0.0/8", "2001:db8:1::/48"))


@pytest.mark.parametrize(
    ("header", "sent", "peer", "client"),
    [
        (NAME, "203.0.113.9, 192.0.2.1", "10.0.0.1", "192.0.2.1"),
        (ClientHeader(NAME), "203.0.113.9, 192.0.2.1", "10.0.0.1", "192.0.2.1"),
        (HOPS, "203.0.113.9, 192.0.2.1, 10.0.0.2", "10.0.0.1", "192.0.2.1"),
        (HOPS, "192.0.2.1", "10.0.0.1", "192.0.2.1"),
        (HOPS, None, "192.0.2.7", "192.0.2.7"),
        (RANGES, "203.0.113.9, 192.0.2.1, 10.0.0.2, 10.0.0.3", "10.0.0.1", "192.0.2.1"),
        (RANGES, "203.0.113.9, [2001:db8:2::1]:443, 10.0.0.2:80", "::ffff:10.0.0.1", "2001:db8:2::1"),
        (RANGES, "192.0.2.1", None, "192.0.2.1"),
        (RANGES, "192.0.2.1", "198.51.100.1", "198.51.100.1"),
        (RANGES, "10.0.0.9, 10.0.0.2", "10.0.0.1", "10.0.0.9"),
        (RANGES, "", "10.0.0.1", "10.0.0.1"),
    ],
)
def test_what_trusted_proxies_have_added_counts(
    header: str | ClientHeader, sent: str | None, peer: str | None, client: str
) -> None:
    """By number or by ranges, the client is who the outermost trusted proxy saw, whatever a client writes."""
    headers = {} if sent is None else {"x-forwarded-for": sent}
    assert client_of(headers, peer, header) == client


def test_a_proxy_that_nobody_configured_is_warned_about_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header from a private address is a sign of a proxy; from a stranger it is none, and twice is once."""
    monkeypatch.setattr(proxies, "_told", set())
    caplog.set_level(logging.WARNING, "matrix_threepid.hosts")
    headers = {"x-forwarded-for": "192.0.2.1"}
    assert client_of(headers, "1.2.3.4", None) == "1.2.3.4"
    assert client_of({}, "127.0.0.1", None) == "127.0.0.1"
    assert caplog.messages == []
    assert [client_of(headers, "127.0.0.1", None), client_of(headers, "10.0.0.1", None)] == ["127.0.0.1", "10.0.0.1"]
    assert len(caplog.messages) == 1
    assert "no client_header is configured" in caplog.messages[0]


@pytest.mark.parametrize(
    "given",
    [{"hops": 0}, {"hops": True}, {"hops": 2, "trusted": ("10.0.0.0/8",)}, {"trusted": ("10.0.0.1/8",)}],
)
def test_what_cannot_be_is_refused(given: dict[str, object]) -> None:
    """A number of no proxies, both ways at once, and what is no range are refused when they are made."""
    with pytest.raises(ConfigurationError, match="ClientHeader"):
        ClientHeader(NAME, **given)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="ClientHeader"):
        ClientHeader("Forwarded")
