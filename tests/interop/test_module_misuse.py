"""A real Synapse with our module, and people who send what nobody should: none of it is an incident."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from matrix_threepid.testing.journeys import Visit, open_surroundings
from matrix_threepid.testing.parts import Answer, Person, fetch

from .moduled import config, site_in, visited
from .site import Site

NEW = "a new password"
KINDS = [{}, {"session": None}, {"session": ""}]
"""What stands for a UIA session where there is none."""
NUMBERS = {"phone": ("447700900991", "07700 900991"), "number": ("447700900992", "07700 900992")}
"""As Synapse keeps it, and as it is typed."""


@frozen
class Place:
    """A Synapse that is visited, and its data."""

    site: Site
    visit: Visit

    @property
    def log(self) -> str:
        return (self.site.folder / "output.txt").read_text()


@pytest.fixture(scope="module")
def place(files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A Synapse with everything on; whatever the tests do to it, its log has no error in the end."""
    folder = tmp_path_factory.mktemp("synapse")
    service = folder / "service.yaml"
    user = {"regex": "@service.*", "exclusive": True}
    told = {"id": "x", "url": None, "as_token": "of-a-service", "hs_token": "y", "sender_localpart": "service"}
    service.write_text(json.dumps({**told, "namespaces": {"users": [user]}}))
    with open_surroundings() as parts:
        site = site_in(folder, parts, files)
        with visited(parts, site, config(site, "client"), app_service_config_files=[str(service)]) as visit:
            yield Place(site, visit)
            assert not [line for line in Place(site, visit).log.splitlines() if " - ERROR - " in line]


@pytest.fixture
def visit(place: Place) -> Visit:
    return place.visit


@pytest.fixture
def reset(visit: Visit) -> Callable[[Mapping[str, Any]], int]:
    """Sets a password by the proof of an address on an account; takes members of ``auth``, returns the status."""
    address = visit.address()
    visit.resident(address)
    return once(visit, "password", address, lambda: ("/account/password", {"new_password": NEW}))


@pytest.fixture
def sign_up(visit: Visit) -> Callable[[Mapping[str, Any]], int]:
    """Makes an account by the proof of an address, each time another one."""
    return once(visit, "register", visit.address(), lambda: ("/register", {"username": visit.name(), "password": NEW}))


def once(visit: Visit, purpose: str, address: str, call: Callable[[], Any]) -> Callable[[Mapping[str, Any]], int]:
    """Return what acts by one proof of an address, over and over."""
    creds = visit.proved(visit.stranger(), address, purpose).credentials

    def act(auth: Mapping[str, Any]) -> int:
        path, body = call()
        shown = {"type": "m.login.email.identity", "threepid_creds": creds, **auth}
        return visit.stranger().send("POST", path, {**body, "auth": shown}).status

    return act


@pytest.mark.parametrize("auth", KINDS, ids=["absent", "null", "empty"])
@pytest.mark.parametrize("acting", ["reset", "sign_up"])
def test_a_proof_serves_once(request: pytest.FixtureRequest, acting: str, auth: Mapping[str, Any]) -> None:
    """Sent many times at once without a UIA session, or later again, a proof does one thing."""
    act = request.getfixturevalue(acting)
    with ThreadPoolExecutor(6) as pool:
        done = sorted(pool.map(act, [auth] * 6))
    assert done == [200, *[401] * 5]
    assert act(auth) == 401


def test_a_uia_session_resets_once(visit: Visit) -> None:
    """Neither with its proof nor without does a UIA session that set a password set another."""
    address = visit.address()
    visit.resident(address)
    stage = {"type": "m.login.email.identity"}
    creds = visit.proved(visit.stranger(), address, "password").credentials
    body = {"new_password": NEW}
    session = visit.stranger().send("POST", "/account/password", body).json()["session"]
    for auth, status in (
        ({**stage, "threepid_creds": creds}, 200),
        ({**stage, "threepid_creds": creds}, 403),
        ({}, 403),
    ):
        again = visit.stranger().send("POST", "/account/password", {**body, "auth": {**auth, "session": session}})
        assert again.status == status


def test_a_uia_session_signs_up_once(visit: Visit) -> None:
    """Of many accounts that are asked for at once, a UIA session makes one; asked again, it is told which."""
    stage = {"type": "m.login.email.identity"}
    creds = visit.proved(visit.stranger(), visit.address(), "register").credentials
    session = visit.stranger().send("POST", "/register", {"password": NEW}).json()["session"]

    def sign_up(**members: Any) -> Answer:
        body = {"password": NEW, **members, "auth": {**stage, "threepid_creds": creds, "session": session}}
        return visit.stranger().send("POST", "/register", body)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda name: sign_up(username=name), [visit.name() for _ in range(6)]))
    made = {answer.json()["user_id"] for answer in answers if answer.status == 200}
    assert {sign_up().json()["user_id"]} == made


def test_a_new_password_ends_open_resets(visit: Visit) -> None:
    """Whoever changes the password in time keeps out who has proved the address before."""
    address = visit.address()
    alice = visit.resident(address)
    act = once(visit, "password", address, lambda: ("/account/password", {"new_password": NEW}))
    alice.authenticated("/account/password", {"new_password": NEW}, alice.by_password())
    assert act({}) == 401


def test_an_address_kept_with_an_ascii_domain_resets(place: Place, visit: Visit) -> None:
    """What Synapse has kept in another spelling than ours is found by its stage, too."""
    name, alice = visit.name(), visit.newcomer()
    kept = f"{name}@xn--bcher-kva.example.org"
    place.site.sql("INSERT INTO user_threepids VALUES (?, 'email', ?, 1, 1)", alice.user_id, kept)
    session = visit.stranger().ask("password", f"{name}@b\u00fccher.example.org")
    visit.confirm(session, kept)
    alice.forget_password()
    alice.reset_password(session)
    assert alice.log_in().status == 200


def _identified(**identifier: Any) -> dict[str, Any]:
    return {"type": "m.login.password", "password": "x", "identifier": identifier}


WRONG_AUTH = [
    {"type": []},
    {"type": {}},
    {"session": 5},
    {"session": {}},
    {"type": "m.login.password", "password": {}},
    _identified(type="m.id.user", user=5),
    _identified(type="m.id.thirdparty", medium=5, address=[]),
    _identified(type="m.id.phone", country=5, phone=[]),
]


@pytest.mark.parametrize("auth", WRONG_AUTH, ids=[json.dumps(auth) for auth in WRONG_AUTH])
def test_a_wrong_kind_of_authentication_is_refused(visit: Visit, auth: Mapping[str, Any]) -> None:
    """``auth`` is looked into before Synapse trusts it; the rest of its members are Synapse's to judge."""
    alice = visit.newcomer()
    creds = visit.proved(alice, visit.address()).credentials
    answer = alice.send("POST", "/account/3pid/add", {**creds, "auth": auth})
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")


NULLS = [
    None,
    {"session": None},
    {"type": None, "session": None},
    {"type": "m.login.password", "identifier": None, "user": "x", "password": "x"},
    _identified(type="m.id.user", user="x", medium=None),
]


@pytest.mark.parametrize("auth", NULLS, ids=[json.dumps(auth) for auth in NULLS])
def test_null_in_an_authentication_is_absent(visit: Visit, auth: Mapping[str, Any] | None) -> None:
    """A client may write ``null`` for what it leaves out; it is then told what is needed."""
    alice = visit.newcomer()
    answer = alice.send("POST", "/account/3pid/add", {**visit.proved(alice, visit.address()).credentials, "auth": auth})
    assert answer.status == 401
    assert answer.member("session")


@pytest.mark.parametrize("name", ["phone", "number"])
def test_a_phone_number_authenticates(place: Place, visit: Visit, name: str) -> None:
    """Whether by the name in the specification or by Synapse's older one, a number says who authenticates."""
    alice, (number, local) = visit.newcomer(), NUMBERS[name]
    place.site.sql("INSERT INTO user_threepids VALUES (?, 'msisdn', ?, 1, 1)", alice.user_id, number)
    identifier = {"type": "m.id.phone", "country": "GB", name: local}
    auth = {"type": "m.login.password", "password": alice.password, "identifier": identifier}
    answer = alice.send("POST", "/account/3pid/add", {**visit.proved(alice, visit.address()).credentials, "auth": auth})
    assert answer.status == 200


def test_an_access_token_that_is_no_text_is_unknown(visit: Visit) -> None:
    """A header Synapse cannot read is no incident."""
    answer = fetch("GET", f"{visit.around.base_url}/_matrix/client/v3/account/3pid", Authorization="Bearer \u00e9")
    assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")


def test_an_application_service_adds_nothing(visit: Visit) -> None:
    """It has no password its user could be asked for, so it is refused."""
    service = Person(visit.around.base_url)
    service.use({"user_id": "", "access_token": "of-a-service"})
    creds = visit.proved(service, visit.address()).credentials
    answer = service.send("POST", "/account/3pid/add", creds)
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


def test_secrets_are_neither_logged_nor_kept(place: Place, visit: Visit) -> None:
    """The token of a link is not in Synapse's log, and a client secret is not among its UIA sessions."""
    alice, address = visit.newcomer(), visit.address()
    session = alice.ask("add", address)
    link = visit.letter(address).link
    visit.follow(link)
    alice.add(session)
    assert "/submit_token HTTP" in place.log
    assert link.rpartition("token=")[2] not in place.log
    assert session.client_secret not in str(place.site.sql("SELECT * FROM ui_auth_sessions"))
