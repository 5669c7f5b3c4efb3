"""``id_server``: one server, one form; what is no server's name is refused before anybody is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from data import cases, texts

from matrix_threepid.testing import ALICE, World
from matrix_threepid.testing.identity import FakeIdentityServers

from . import load

TABLE = load("id_server")
BIND = {"id_access_token": "t", "sid": "sid", "client_secret": "secret"}
NAMED = {"medium": "email", "address": "alice@example.org"}
MADE = Callable[..., World]


@pytest.mark.rule("REQ-IDS-7", "SEC-53")
@pytest.mark.parametrize("case", **cases(TABLE["accepted"]))
def test_one_server_has_one_form(make_world: MADE, case: tuple[str, str]) -> None:
    """However a server is written, it is asked and remembered in one form, and unbound in any."""
    written, form = case
    servers = FakeIdentityServers()
    world = make_world(identity=servers)
    servers.prove(form, "sid", "secret", "alice@example.org")
    assert world.post("/account/3pid/bind", {**BIND, "id_server": written}, ALICE).status == 200
    assert world.post("/account/3pid/unbind", {**NAMED, "id_server": written}, ALICE).json() == {
        "id_server_unbind_result": "success"
    }
    assert servers.calls == [("proved", form), ("bind", form), ("unbind", form)]
    bindings: Any = world.homeserver.bindings
    assert bindings.dump() == []


@pytest.mark.rule("REQ-IDS-7", "SEC-53", "SEC-212")
@pytest.mark.parametrize("path", ["bind", "unbind", "delete"])
@pytest.mark.parametrize("written", **cases(texts(TABLE["refused"])))
def test_what_is_no_server_is_refused(make_world: MADE, written: str, path: str) -> None:
    """Anything else answers 400, and nobody is asked."""
    servers = FakeIdentityServers()
    body = {**(BIND if path == "bind" else NAMED), "id_server": written}
    response = make_world(identity=servers).post(f"/account/3pid/{path}", body, ALICE)
    assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM")
    assert servers.calls == []


def test_a_host_may_refuse_servers(make_world: MADE) -> None:
    """``identity_servers`` has the last word, about the form that is remembered."""
    servers = FakeIdentityServers()
    world = make_world({"identity_servers": lambda name: name == "id.example"}, identity=servers)
    servers.prove("id.example", "sid", "secret", "alice@example.org")
    assert world.post("/account/3pid/bind", {**BIND, "id_server": "ID.example"}, ALICE).status == 200
    for path, body in (("bind", BIND), ("unbind", NAMED), ("delete", NAMED)):
        response = world.post(f"/account/3pid/{path}", {**body, "id_server": "other.example"}, ALICE)
        assert (response.status, response.json()["errcode"]) == (400, "M_SERVER_NOT_TRUSTED")
    assert {server for _, server in servers.calls} == {"id.example"}


@pytest.mark.rule("REQ-IDS-3")
@pytest.mark.parametrize("refused", ["evil.example", "EVIL.example:443", "evil.example/a", "https://evil.example/a/b/"])
def test_a_server_that_is_refused_by_name_is_refused_with_any_path(make_world: MADE, refused: str) -> None:
    """A function that compares names of servers refuses one in every spelling."""
    servers = FakeIdentityServers()
    world = make_world({"identity_servers": lambda name: name != "evil.example"}, identity=servers)
    for path, body in (("bind", BIND), ("unbind", NAMED), ("delete", NAMED)):
        response = world.post(f"/account/3pid/{path}", {**body, "id_server": refused}, ALICE)
        assert (response.status, response.json()["errcode"]) == (400, "M_SERVER_NOT_TRUSTED")
    assert servers.calls == []


@pytest.mark.parametrize(("named", "status"), [("id.example/a", 200), ("id.example", 200), ("id.example/b", 400)])
def test_a_list_may_hold_paths(make_world: MADE, named: str, status: int) -> None:
    """A listed name with a path lets its server be named too, and no other path of it."""
    servers = FakeIdentityServers()
    world = make_world({"identity_servers": ["id.example/a"]}, identity=servers)
    servers.prove(named, "sid", "secret", "alice@example.org")
    assert world.post("/account/3pid/bind", {**BIND, "id_server": named}, ALICE).status == status
