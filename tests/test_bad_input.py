"""Every member of every body, with everything it must not be: a 4xx, no message, nothing stored, nothing repeated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bad_bodies import CASES, OPENED, AtIdentityServer, Case, Side, walk
from data.bad_values import ANY_TEXT, EXACT, GOOD_ANSWERS, MARK, NEVER, NEVER_TEXT

from matrix_threepid import Response
from matrix_threepid.protocol.members import Kind
from matrix_threepid.testing import World, check_invariants

IN_JSON = [case for case in CASES if case.by == "JSON"]
MEMBERS = [(case, *each) for case in CASES for each in walk(case.message)]


def bad_values(case: Case, kind: Kind) -> dict[str, Any]:
    """Return what a member must not be; of a form or a query only texts come, and those are Unicode."""
    values = NEVER_TEXT if kind == ANY_TEXT else NEVER[type(kind)]
    if case.by == "JSON":
        return values
    return {name: value for name, value in values.items() if isinstance(value, str) and "surrogate" not in name}


def cases_of(members: list[Any], *columns: int) -> list[Any]:
    """Return parameters with readable names out of rows of ``MEMBERS``."""
    return [pytest.param(*(row[i] for i in (0, 1, *columns)), id=f"{row[0]}-{'.'.join(row[1])}") for row in members]


BAD = [
    pytest.param(case, path, value, id=f"{case}-{'.'.join(path)}-{name}")
    for case, path, kind, _ in MEMBERS
    for name, value in bad_values(case, kind).items()
]


@pytest.fixture
def opened(make_world: Callable[..., World], caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[Case], Side]]:
    """Return a function that opens a server for a case; the invariants are checked after the test."""
    sides: list[Side] = []

    def opening(case: Case) -> Side:
        sides.append(OPENED[case.role](make_world))
        return sides[-1]

    yield opening
    for side in sides:
        if isinstance(side, AtIdentityServer):
            check_invariants(side.place, caplog.text)


def at(body: dict[str, Any], path: tuple[str, ...]) -> Any:
    """Return the member at ``path``."""
    return at(body[path[0]], path[1:]) if path else body


def replaced(body: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return ``body`` with the member at ``path`` replaced."""
    head, *rest = path
    return {**body, head: replaced(body[head], tuple(rest), value) if rest else value}


def without(body: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return ``body`` without the member at ``path``."""
    head, *rest = path
    if rest:
        return {**body, head: without(body[head], tuple(rest))}
    return {name: value for name, value in body.items() if name != head}


def shown(value: Any, body: bytes) -> bool:
    """Return whether an answer repeats a value that is long enough to be told from chance."""
    text = json.dumps(value)
    return MARK.encode() in body or (len(text) > 6 and text.encode() in body)


def errcode(response: Response) -> str:
    """Return the errcode of an answer, or that it is a page for people."""
    return str(response.json()["errcode"]) if response.header("Content-Type") == "application/json" else "page"


def names(response: Response, path: tuple[str, ...]) -> bool:
    """Return whether an error begins with the name of a member, or of the object it is in; pages name none."""
    return errcode(response) == "page" or f"{'.'.join(path)}:".startswith(response.json()["error"].partition(":")[0])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_good_bodies_are_good(opened: Callable[[Case], Side], case: Case) -> None:
    """What the bad bodies are made of passes every check of form, so that it is the one bad member that is refused."""
    side = opened(case)
    response = case.send(side, side.good(case.declared))
    assert response.status in (200, 303) or errcode(response) in GOOD_ANSWERS


@pytest.mark.rule("REQ-GEN-3", "SEC-0", "SEC-12", "SEC-13", "SEC-37")
@pytest.mark.parametrize(("case", "path", "value"), BAD)
def test_a_bad_member_does_nothing(
    opened: Callable[[Case], Side], case: Case, path: tuple[str, ...], value: Any
) -> None:
    """A member that is not what it must be is named in a 4xx; nothing goes out, is stored, or is repeated."""
    side = opened(case)
    before = side.state()
    response = case.send(side, replaced(side.good(case.declared), path, value))
    assert 400 <= response.status < 500
    assert side.state() == before
    assert not shown(value, response.body)
    assert errcode(response) == "M_BAD_JSON" if "\ud800" in str(value) else names(response, path)


@pytest.mark.rule("REQ-GEN-3")
@pytest.mark.parametrize(("case", "path"), cases_of([row for row in MEMBERS if row[3]]))
def test_a_missing_member_is_named(opened: Callable[[Case], Side], case: Case, path: tuple[str, ...]) -> None:
    """Without a member that must be there nothing is done, and the answer says which it is."""
    side = opened(case)
    before = side.state()
    response = case.send(side, without(side.good(case.declared), path))
    assert (response.status, side.state()) == (400, before)
    assert errcode(response) in ("page", "M_MISSING_PARAM" if case.role == "homeserver" else "M_MISSING_PARAMS")
    assert names(response, path)


@pytest.mark.parametrize(("case", "path", "required"), cases_of([row for row in MEMBERS if row[0].by == "JSON"], 3))
def test_null_is_an_optional_member_left_out(
    opened: Callable[[Case], Side], case: Case, path: tuple[str, ...], required: bool
) -> None:
    """``null`` for an optional member is as good as none, for a required one it is refused."""
    side = opened(case)
    before, body = side.state(), side.good(case.declared)
    response = case.send(side, replaced(body, path, None))
    if required:
        assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM")
        assert side.state() == before
    else:
        assert response.json() == case.send(side, without(body, path)).json()


@pytest.mark.rule("REQ-GEN-5", "SEC-39")
@pytest.mark.parametrize(
    ("case", "path"),
    cases_of([row for row in MEMBERS if row[1][-1] in EXACT or (row[0].declared.name, row[1][-1]) in EXACT]),
)
@pytest.mark.parametrize("spoil", ["{}\n", "\n{}", "{}\0", "{}\r", "{}\u2028"], ids=ascii)
def test_no_grammar_ends_before_the_text_does(
    opened: Callable[[Case], Side], case: Case, path: tuple[str, ...], spoil: str
) -> None:
    """A good value with one more character is refused wherever a member has a grammar."""
    side = opened(case)
    before, body = side.state(), side.good(case.declared)
    response = case.send(side, replaced(body, path, spoil.format(at(body, path))))
    assert (response.status, side.state()) == (400, before)
    assert errcode(response) in ("page", "M_INVALID_PARAM")
