"""Every member of every body, with everything it must not be: a 4xx, no message, nothing stored, nothing repeated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from data.bad_values import EXACT, GOOD, KNOWN, MARK, NEVER

from matrix_threepid import AccountThreepid, Medium
from matrix_threepid.drive import run_sync
from matrix_threepid.endpoints import HOMESERVER
from matrix_threepid.model.identity import Refused
from matrix_threepid.protocol.endpoint import Endpoint
from matrix_threepid.protocol.members import Kind
from matrix_threepid.protocol.message import Nested, members
from matrix_threepid.testing import ALICE, BOB, Outbox, World


def good(kinds: type[Any]) -> dict[str, Any]:
    """Return a good body of a message class."""
    return {
        name: good(kind.cls) if isinstance(kind, Nested) else GOOD[name] for name, kind in members(kinds).kinds.items()
    }


def walk(message: type[Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Kind, bool]]:
    """Yield every member of a message class: its path, its kind, whether it is required."""
    declared = members(message)
    for name, kind in declared.kinds.items():
        yield (*path, name), kind, name in declared.required
        if isinstance(kind, Nested):
            yield from walk(kind.cls, (*path, name))


WITH_BODY = [declared for declared in HOMESERVER.endpoints if declared.request is not None]
MEMBERS = [(declared, *each) for declared in WITH_BODY for each in walk(declared.request or object)]
BAD = [
    pytest.param(declared, path, value, id=f"{declared.name}-{'.'.join(path)}-{name}")
    for declared, path, kind, _ in MEMBERS
    for name, value in NEVER[type(kind)].items()
]


def at(body: dict[str, Any], path: tuple[str, ...]) -> Any:
    """Return the member at ``path``."""
    return at(body[path[0]], path[1:]) if path else body


def replaced(body: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return ``body`` with the member at ``path`` replaced."""
    head, *rest = path
    return {**body, head: replaced(body[head], tuple(rest), value) if rest else value}


class IdentityServers:
    """Identity servers that refuse everything, and remember that they were asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def proved(self, *question: Any) -> Refused:
        self.asked.append(question)
        return Refused(403, "M_FORBIDDEN", "no")

    bind = unbind = proved


@pytest.fixture
def full(make_world: Callable[..., World]) -> World:
    """Return a world in which every endpoint is on, and whose good reset requests find an account."""
    box = Outbox()
    senders = {Medium.EMAIL: box, Medium.MSISDN: box}
    world = make_world(
        {"password_reset_by_phone": True, "legacy_add": "uia"}, senders=senders, identity=IdentityServers()
    )
    world.outbox = box
    for medium, address in ((Medium.EMAIL, KNOWN["email"]), (Medium.MSISDN, "447700900999")):
        held = AccountThreepid(medium=medium, address=address, validated_at=1, added_at=1)
        run_sync(world.accounts.add(BOB, held))
    return world


def body_of(declared: Endpoint) -> dict[str, Any]:
    body = good(declared.request or object)
    return {**body, **{name: KNOWN[name] for name in body if name in KNOWN}} if "password" in declared.path else body


def post(world: World, declared: Endpoint, body: Any) -> Any:
    return world.post(HOMESERVER.prefix + declared.paths[-1], body, ALICE)


def state(world: World) -> Any:
    hs: Any = world.homeserver
    return (
        hs.sessions.dump(),
        hs.bindings.dump(),
        list(hs.identity.asked),
        list(world.accounts.on),
        len(world.outbox.messages),
    )


def shown(value: Any, body: bytes) -> bool:
    """Return whether an answer repeats a value that is long enough to be told from chance."""
    text = json.dumps(value)
    return MARK.encode() in body or (len(text) > 6 and text.encode() in body)


@pytest.mark.parametrize("declared", WITH_BODY, ids=lambda declared: declared.name)
def test_the_good_bodies_are_good(full: World, declared: Endpoint) -> None:
    """What the bad bodies are made of passes every check of form, so that it is the one bad member that is refused."""
    response = post(full, declared, body_of(declared))
    expected = {"M_NO_VALID_SESSION", "M_THREEPID_AUTH_FAILED", "M_FORBIDDEN"}
    assert response.status == 200 or response.json()["errcode"] in expected


@pytest.mark.parametrize(("declared", "path", "value"), BAD)
def test_a_bad_member_does_nothing(full: World, declared: Endpoint, path: tuple[str, ...], value: Any) -> None:
    """A member that is not what it must be answers 4xx; no message goes out, nothing is stored, nothing is repeated."""
    before = state(full)
    response = post(full, declared, replaced(body_of(declared), path, value))
    assert 400 <= response.status < 500
    assert response.json()["errcode"].startswith("M_")
    assert state(full) == before
    assert not shown(value, response.body)


@pytest.mark.parametrize(
    ("declared", "path", "required"),
    [
        pytest.param(declared, path, needed, id=f"{declared.name}-{'.'.join(path)}")
        for declared, path, _, needed in MEMBERS
    ],
)
def test_null_is_an_optional_member_left_out(
    full: World, declared: Endpoint, path: tuple[str, ...], required: bool
) -> None:
    """``null`` for an optional member is as good as none, for a required one it is refused."""
    before, body = state(full), body_of(declared)
    response = post(full, declared, replaced(body, path, None))
    if required:
        assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM")
        assert state(full) == before
    else:
        absent = {name: value for name, value in body.items() if (name,) != path}
        assert response.json() == post(full, declared, absent).json()


@pytest.mark.parametrize(
    ("declared", "path"),
    [
        pytest.param(declared, path, id=f"{declared.name}-{'.'.join(path)}")
        for declared, path, *_ in MEMBERS
        if path[-1] in EXACT or (declared.name, path[-1]) == ("bind_threepid", "id_server")
    ],
)
@pytest.mark.parametrize("spoil", ["{}\n", "\n{}", "{}\0", "{}\r", "{}\u2028"], ids=ascii)
def test_no_grammar_ends_before_the_text_does(
    full: World, declared: Endpoint, path: tuple[str, ...], spoil: str
) -> None:
    """A good value with one more character is refused wherever a member has a grammar."""
    body = body_of(declared)
    response = post(full, declared, replaced(body, path, spoil.format(at(body, path))))
    assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM")
