"""Where the homeserver of a server name is: ports, well-known files, SRV records, and what fails on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import define, field

from matrix_threepid import run_sync
from matrix_threepid.identity import (
    Discovery,
    Failure,
    HttpFailure,
    HttpReply,
    HttpRequest,
    ServerPlace,
    SrvRecord,
)
from matrix_threepid.protocol.errors import InvalidParam

NAME = "example.org"
ASKED = f"https://{NAME}:443/.well-known/matrix/server"
HOUR = 3_600_000
FALLBACK = ServerPlace(NAME, 8448, NAME)


@define(slots=False)
class World:
    """A ``Fetch`` and a DNS that answer what a test says; nothing is there unless it is said."""

    pages: dict[str, Any] = field(factory=dict)
    records: dict[str, Any] = field(factory=dict)
    asked: list[str] = field(factory=list)
    now: int = 0

    def __attrs_post_init__(self) -> None:
        self.discovery = Discovery(fetch=self, srv=self.srv, clock=lambda: self.now, max_servers=3)

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        url = f"https://{request.host}:{request.port}{request.target}"
        self.asked.append(url)
        found = self.pages.get(url, HttpReply(404))
        return found if isinstance(found, HttpReply | HttpFailure) else HttpReply(200, found)

    def srv(self, name: str, seconds: float) -> Sequence[SrvRecord]:
        self.asked.append(name)
        found = self.records.get(name, [])
        if isinstance(found, Exception):
            raise found
        return list(found)

    def find(self, name: str = NAME) -> ServerPlace:
        return run_sync(self._find(name))

    async def _find(self, name: str) -> ServerPlace:
        return await self.discovery(name)


def redirect(to: str, status: int = 302) -> HttpReply:
    return HttpReply(status, headers=(("Location", to),))


def names(server: str) -> bytes:
    return b'{"m.server": "%s"}' % server.encode()


@pytest.mark.rule("REQ-ISDISC-1")
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("198.51.100.7", ServerPlace("198.51.100.7", 8448, "198.51.100.7")),
        ("[2001:db8::7]:80", ServerPlace("2001:db8::7", 80, "[2001:db8::7]:80")),
        ("[2001:db8::7]", ServerPlace("2001:db8::7", 8448, "[2001:db8::7]")),
        ("Example.org:443", ServerPlace(NAME, 443, f"{NAME}:443")),
    ],
)
def test_an_address_and_a_port_say_where(name: str, place: ServerPlace) -> None:
    """Nobody is asked where an address or a name with a port is."""
    world = World()
    assert (world.find(name), world.asked) == (place, [])


@pytest.mark.rule("REQ-ISDISC-1")
@pytest.mark.parametrize(
    ("server", "place"),
    [
        ("198.51.100.7", ServerPlace("198.51.100.7", 8448, "198.51.100.7")),
        ("198.51.100.7:1", ServerPlace("198.51.100.7", 1, "198.51.100.7:1")),
        ("hs.example.net:443", ServerPlace("hs.example.net", 443, "hs.example.net:443")),
        ("hs.example.net", ServerPlace("hs.example.net", 8448, "hs.example.net")),
    ],
)
def test_a_well_known_file_delegates(server: str, place: ServerPlace) -> None:
    """What the file names is taken like a server name; its certificate is that of the delegated name."""
    assert World({ASKED: names(server)}).find() == place


@pytest.mark.rule("REQ-ISDISC-1")
@pytest.mark.parametrize("pages", [{}, {ASKED: names("hs.example.net")}], ids=["its own", "delegated"])
@pytest.mark.parametrize("service", ["_matrix-fed._tcp", "_matrix._tcp"])
def test_srv_records_lead_to_the_server(pages: dict[str, Any], service: str) -> None:
    """The best record of the name is followed; certificate and ``Host`` are those of the name, not of the target."""
    name = "hs.example.net" if pages else NAME
    records = [SrvRecord(2, 9, "c.example", 3), SrvRecord(1, 1, "b.example", 2), SrvRecord(1, 5, "a.example", 1)]
    world = World(pages, {f"{service}.{name}": records})
    assert world.find() == ServerPlace(name, 1, name, connect="a.example")


@pytest.mark.rule("REQ-ISDISC-1")
def test_the_newer_service_comes_first() -> None:
    """``_matrix-fed`` is asked before the deprecated ``_matrix``."""
    records = {f"{service}._tcp.{NAME}": [SrvRecord(1, 1, service, 5)] for service in ("_matrix-fed", "_matrix")}
    assert World(records=records).find().connect == "_matrix-fed"


@pytest.mark.rule("REQ-ISDISC-1")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_three_redirects_are_followed(status: int) -> None:
    """Three redirects to https are followed, relative ones as well; a fourth is not."""
    pages: dict[str, Any] = {ASKED: redirect("/a?b=c", status)}
    pages[f"https://{NAME}:443/a?b=c"] = redirect("https://two.example:8448/", status)
    pages["https://two.example:8448/"] = redirect("//three.example/x", status)
    pages["https://three.example:443/x"] = names("hs.example.net:1")
    assert World(pages).find().authority == "hs.example.net:1"
    pages["https://three.example:443/x"] = redirect("/y")
    pages["https://three.example:443/y"] = names("hs.example.net:1")
    assert World(pages).find() == FALLBACK


@pytest.mark.rule("REQ-ISDISC-1")
@pytest.mark.parametrize(
    "page",
    [
        redirect("http://example.org/x"),
        redirect("https://user@example.org/x"),
        redirect("https://exa mple.org/x"),
        redirect("https://[::1/x"),
        redirect("ftp://example.org"),
        HttpReply(302),
        HttpReply(404, names("evil.example:1")),
        HttpReply(200, names("evil.example:1"), cut=HttpFailure(Failure.ODD)),
        HttpFailure(Failure.TLS),
        HttpFailure(Failure.BLOCKED),
        names("evil.example/path"),
        names("https://evil.example"),
        names("evil.example:0"),
        b'{"m.server": 5}',
        b'{"m.server": ""}',
        b"{}",
        b"nonsense",
        names("evil.example:1").ljust(51_201),
    ],
    ids=range(18),
)
def test_a_broken_file_is_none(page: Any) -> None:
    """Whatever is wrong with the file or on the way to it, the name itself is taken, at 8448."""
    world = World({ASKED: page})
    assert world.find() == FALLBACK
    assert [each for each in world.asked if "evil" in each] == []


@pytest.mark.rule("REQ-ISDISC-1")
@pytest.mark.parametrize(
    ("page", "lives"),
    [
        (names("hs.example.net:1"), 24 * HOUR),
        (HttpReply(200, names("hs.example.net:1"), headers=(("Cache-Control", "public, max-age=600"),)), 600_000),
        (HttpReply(200, names("hs.example.net:1"), headers=(("Cache-Control", "max-age=999999999"),)), 48 * HOUR),
        (HttpReply(200, names("hs.example.net:1"), headers=(("Cache-Control", "max-age=0"),)), 60_000),
        (HttpReply(404), HOUR),
        (HttpFailure(Failure.TIMEOUT), 60_000),
    ],
    ids=range(6),
)
def test_answers_are_kept_within_bounds(page: Any, lives: int) -> None:
    """An answer is kept as its headers say, a day without and two at most; a failure an hour at most."""
    world = World({ASKED: page})
    for now, asked in ((0, 1), (lives - 1, 1), (lives, 2)):
        world.now = now
        world.find()
        assert world.asked.count(ASKED) == asked


def test_an_outage_of_dns_is_not_kept_for_long() -> None:
    """Without an answer of DNS the server is called at 8448, and DNS is asked again a minute later."""
    world = World(records={f"_matrix-fed._tcp.{NAME}": TimeoutError()})
    assert world.find() == FALLBACK
    world.records, world.now = {f"_matrix-fed._tcp.{NAME}": [SrvRecord(0, 0, "a.example", 1)]}, 60_000
    assert world.find().connect == "a.example"


def test_only_so_many_places_are_kept() -> None:
    """Above the bound the one found first is forgotten."""
    world = World()
    for number in (1, 2, 3, 4, 4, 2, 1):
        world.find(f"hs{number}.example")
    files = [each.split(":")[1][4:] for each in world.asked if each.startswith("https")]
    assert files == ["1.example", "2.example", "3.example", "4.example", "1.example"]


@pytest.mark.parametrize("name", ["no server", "https://example.org", "example.org/path", "@a:example.org", ""])
def test_what_is_no_server_name_is_refused(name: str) -> None:
    """Only server names are looked for."""
    world = World()
    with pytest.raises(InvalidParam):
        world.find(name)
    assert world.asked == []
