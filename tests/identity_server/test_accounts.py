"""Accounts and terms of an identity server: who gets a token, what it opens, and what comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field

from matrix_threepid import ConfigurationError, Limit, Limits, Peppers, run_sync
from matrix_threepid.identity import HttpFailure, HttpReply, HttpRequest, OpenIdLookup, TermsDocument, Translation
from matrix_threepid.net.fetch import Failure
from matrix_threepid.stores import MemoryLogins
from matrix_threepid.testing import ALICE, FakeCallers
from matrix_threepid.testing.world import PEPPER

from .acting import Place, done, refusal
from .apis import V2

HS = "hs.example.org"
OPENID = {"access_token": "openid & more", "matrix_server_name": HS, "token_type": "Bearer", "expires_in": 3600}
YEAR = 365 * 86_400_000
PRIVACY = TermsDocument(
    "1.0", {"en": Translation("Privacy", "https://e/p1"), "de": Translation("Datenschutz", "https://e/p1.de")}
)


@define
class Homeservers:
    """A ``Fetch``: what homeservers answer; remembers what they were asked."""

    answer: HttpReply | HttpFailure = HttpReply(200, b'{"sub": "%s"}' % ALICE.encode())
    asked: list[HttpRequest] = field(factory=list)

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        self.asked.append(request)
        return self.answer


def served(make_place: Callable[..., Place], homeservers: Homeservers | None = None, **ports: Any) -> Place:
    """Return an identity server with access tokens of its own."""
    openid = OpenIdLookup(fetch=homeservers or Homeservers())
    return make_place(V2, **{"callers": None, "openid": openid, **ports})


def register(place: Place, **members: Any) -> Any:
    return place.post("/account/register", {**OPENID, **members}, user=None)


@pytest.mark.rule("REQ-ISACC-1")
def test_a_token_is_given_for_an_openid_token(make_place: Callable[..., Place]) -> None:
    """Whom the homeserver names gets a token, which opens the API until it is ended."""
    homeservers = Homeservers()
    place = served(make_place, homeservers)
    token = register(place).json()["token"]
    (asked,) = homeservers.asked
    assert (asked.host, asked.port, asked.path) == (HS, 8448, "/_matrix/federation/v1/openid/userinfo")
    assert asked.query == "access_token=openid%20%26%20more"
    assert place.call("GET", "/account", user=token).json() == {"user_id": ALICE}
    assert place.call("GET", "/account", user=None, query=f"access_token={token}").json() == {"user_id": ALICE}
    assert done(place.post("/account/logout", None, user=token))
    for path in ("/account", "/3pid/getValidated3pid"):
        assert refusal(place.call("GET", path, user=token)) == (401, "M_UNAUTHORIZED")
    assert refusal(place.call("GET", "/account", user=None)) == (401, "M_UNAUTHORIZED")


@pytest.mark.rule("REQ-ISACC-1")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"sub": "@alice:evil.example"}', 200),
        (b'{"sub": "@alice:hs.example.org:8448"}', 200),
        (b'{"sub": "alice:hs.example.org"}', 200),
        (b'{"sub": "@:hs.example.org@b:hs.example.org"}', 200),
        (b'{"sub": ["@alice:hs.example.org"]}', 200),
        (b'{"sub": "@%s:hs.example.org"}' % (b"a" * 255), 200),
        (b"{}", 200),
        (b"[" * 99, 200),
        (b'{"sub": "@alice:hs.example.org"}', 401),
        (b'{"sub": "@alice:hs.example.org"}', 302),
    ],
    ids=range(10),
)
def test_a_homeserver_vouches_for_its_own_users_only(
    make_place: Callable[..., Place], body: bytes, status: int
) -> None:
    """An answer that names no user of that homeserver gives nobody a token."""
    logins = MemoryLogins()
    place = served(make_place, Homeservers(HttpReply(status, body)), logins=logins)
    assert refusal(register(place)) == (401, "M_UNAUTHORIZED")
    assert run_sync(logins.purge(2**60, 9)) == 0


@pytest.mark.rule("REQ-ISACC-1")
@pytest.mark.parametrize("name", ["no server", "hs.example.org/path", "https://hs.example.org", "@a:b", "[::1", "a:0"])
def test_what_is_no_server_is_not_asked(make_place: Callable[..., Place], name: str) -> None:
    """A name that is no server name is refused before anybody is called."""
    homeservers = Homeservers()
    assert refusal(register(served(make_place, homeservers), matrix_server_name=name)) == (401, "M_UNAUTHORIZED")
    assert homeservers.asked == []


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("hs.example.org:443", ("hs.example.org", 443, "hs.example.org:443")),
        ("hs.example.org:8008", ("hs.example.org", 8008, "hs.example.org:8008")),
        ("[2001:db8::1]", ("2001:db8::1", 8448, "[2001:db8::1]")),
        ("[2001:db8::1]:443", ("2001:db8::1", 443, "[2001:db8::1]:443")),
    ],
)
def test_the_port_of_a_name_is_asked(make_place: Callable[..., Place], name: str, at: tuple[str, int, str]) -> None:
    """A homeserver is asked at the port of its name, 443 included."""
    homeservers = Homeservers()
    register(served(make_place, homeservers), matrix_server_name=name)
    assert [(each.host, each.port, each.authority) for each in homeservers.asked] == [at]


@pytest.mark.rule("REQ-ISACC-1")
@pytest.mark.answers_5xx(503)
@pytest.mark.parametrize(
    "answer",
    [HttpFailure(Failure.TIMEOUT), HttpReply(500, b"{}"), HttpFailure(Failure.NO_DNS)],
    ids=["silent", "broken", "not found while DNS fails"],
)
def test_a_silent_homeserver_is_no_refusal(make_place: Callable[..., Place], answer: Any) -> None:
    """If the homeserver gives no answer, or its name cannot be looked up now, the client may try again."""
    assert register(served(make_place, Homeservers(answer))).status == 503


@pytest.mark.parametrize("kind", [Failure.BLOCKED, Failure.NAME])
def test_a_name_that_leads_nowhere_is_refused(make_place: Callable[..., Place], kind: Failure) -> None:
    """A server that may not be called, or is none, confirms nobody; that is no outage of this server."""
    assert refusal(register(served(make_place, Homeservers(HttpFailure(kind))))) == (401, "M_UNAUTHORIZED")


@pytest.mark.rule("REQ-ISACC-1")
def test_a_network_is_charged_before_anybody_is_called(make_place: Callable[..., Place]) -> None:
    """Beyond the limit of its network a request calls nobody, whichever server it names; others go on."""
    homeservers, limits = Homeservers(), Limits(call_outs=Limit(2, 0.001))
    place = served(make_place, homeservers, policy={"limits": limits})
    answers = [register(place, matrix_server_name=f"hs{number}.example.org").status for number in range(4)]
    assert (answers, len(homeservers.asked)) == ([401, 401, 429, 429], 2)
    assert place.post("/account/register", OPENID, user=None, client="198.51.100.1").status == 200
    assert {each.caller for each in homeservers.asked} == {"203.0.113.7", "198.51.100.1"}


@pytest.mark.rule("REQ-ISACC-1", "SEC-112")
def test_tokens_are_stored_as_macs_and_outlive_a_rotation(make_place: Callable[..., Place]) -> None:
    """No token is in the store; it is found after the pepper changes, and again when the old one is removed."""
    logins, new = MemoryLogins(), bytes(range(32))
    token = register(served(make_place, logins=logins)).json()["token"]
    assert token not in str(vars(logins))
    rotated = served(make_place, logins=logins, peppers=Peppers.of(new, PEPPER))
    assert rotated.call("GET", "/account", user=token).status == 200
    assert served(make_place, logins=logins, peppers=Peppers.of(new)).call("GET", "/account", user=token).status == 200
    assert len(run_sync(_all_of(logins))) == 1


async def _all_of(logins: MemoryLogins) -> list[Any]:
    return list(logins._logins)


@pytest.mark.rule("REQ-ISACC-1")
def test_a_token_ends(make_place: Callable[..., Place]) -> None:
    """A token is of no use after a year, and is purged; of a user the 50 newest stay."""
    place = served(make_place)
    first = register(place).json()["token"]
    for _ in range(50):
        place.clock.advance(1000)
        last = register(place).json()["token"]
    assert [place.call("GET", "/account", user=each).status for each in (first, last)] == [401, 200]
    place.clock.advance(YEAR)
    assert refusal(place.call("GET", "/account", user=last)) == (401, "M_UNAUTHORIZED")
    place.clock.advance(1)
    assert run_sync(place.service.purge()) >= 50


@pytest.mark.rule("REQ-ISTERMS-1")
def test_terms_come_first(make_place: Callable[..., Place]) -> None:
    """Before a user has accepted the document in any language, a token opens nothing but the terms and the way out."""
    place = served(make_place, terms={"privacy": PRIVACY})
    token = register(place).json()["token"]
    assert place.call("GET", "/terms", user=None).json() == {
        "policies": {
            "privacy": {
                "version": "1.0",
                "en": {"name": "Privacy", "url": "https://e/p1"},
                "de": {"name": "Datenschutz", "url": "https://e/p1.de"},
            }
        }
    }
    closed = [("GET", "/account"), ("POST", "/3pid/bind"), ("POST", "/validate/email/requestToken")]
    for method, path in closed:
        assert refusal(place.call(method, path, b"{", user=token)) == (403, "M_TERMS_NOT_SIGNED")
    assert done(place.post("/terms", {"user_accepts": ["https://e/other"]}, user=token))
    assert refusal(place.call("GET", "/account", user=token)) == (403, "M_TERMS_NOT_SIGNED")
    assert done(place.post("/terms", {"user_accepts": ["https://e/p1.de"]}, user=token))
    assert place.call("GET", "/account", user=token).status == 200
    assert refusal(place.post("/terms", {"user_accepts": []}, user=None)) == (401, "M_UNAUTHORIZED")


@pytest.mark.rule("REQ-ISTERMS-1")
def test_a_new_version_is_accepted_anew(make_place: Callable[..., Place]) -> None:
    """What was accepted is a version of a document; who refuses it may still log out."""
    logins = MemoryLogins()
    place = served(make_place, logins=logins, terms={"privacy": PRIVACY})
    token = register(place).json()["token"]
    place.post("/terms", {"user_accepts": ["https://e/p1"]}, user=token)
    newer = TermsDocument("2.0", PRIVACY.languages)
    place = served(make_place, logins=logins, terms={"privacy": newer})
    assert refusal(place.call("GET", "/account", user=token)) == (403, "M_TERMS_NOT_SIGNED")
    assert done(place.post("/account/logout", None, user=token))
    assert refusal(place.call("GET", "/account", user=token)) == (401, "M_UNAUTHORIZED")


def test_there_is_one_source_of_tokens(make_place: Callable[..., Place]) -> None:
    """Without a way to tokens, and with two, a role is refused when it is wired, as are terms of another form."""
    with pytest.raises(ConfigurationError, match="openid"):
        make_place(V2, callers=None)
    with pytest.raises(ConfigurationError, match="openid"):
        served(make_place, callers=FakeCallers())
    with pytest.raises(ConfigurationError, match="terms"):
        make_place(V2, terms={"privacy": "https://e/p1"})
    for wrong in (("", PRIVACY.languages), ("1", {}), ("1", {"en": "Privacy"})):
        with pytest.raises(ConfigurationError, match="terms"):
            TermsDocument(*wrong)  # type: ignore[arg-type]


def test_tokens_of_a_host_are_its_own_affair(v2: Place) -> None:
    """With ``callers`` the host gives tokens out and ends them: registering and logging out are not offered here."""
    assert refusal(v2.post("/account/register", OPENID)) == (404, "M_UNRECOGNIZED")
    assert refusal(v2.post("/account/logout", None)) == (404, "M_UNRECOGNIZED")
    assert v2.call("GET", "/account").json() == {"user_id": ALICE}
