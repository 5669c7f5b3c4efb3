"""Every member of every body, with everything it must not be: a 4xx, no message, nothing stored, nothing repeated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from bad_bodies import CASES, OPENED, AtIdentityServer, Case, Side, walk
from data.bad_values import ANY_TEXT, EXACT, GOOD_ANSWERS, MARK, NEVER, NEVER_TEXT

from matrix_threepid import Response
from matrix_threepid.protocol.rules import Ignored, Rule
from matrix_threepid.testing import World, check_invariants

REQUIRED = {case: [path for path, _, required in walk(case.message) if required] for case in CASES}
EXACTLY = {
    case: [path for path, *_ in walk(case.message) if {path[-1], (case.declared.name, path[-1])} & {*EXACT}]
    for case in CASES
}
"""The members of each case that have a grammar."""


def each(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Run a test for each of some cases; it looks at one member after the other."""
    return pytest.mark.parametrize("case", [*cases], ids=str)


def bad_values(case: Case, rule: Rule) -> dict[str, Any]:
    """Return what a member must not be; of a form or a query only texts come, and those are Unicode."""
    values = NEVER_TEXT if rule == ANY_TEXT else NEVER[type(rule)]
    if case.by == "JSON":
        return values
    return {name: value for name, value in values.items() if isinstance(value, str) and "surrogate" not in name}


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
    """Return whether an error begins with the name of a member, its object or an entry of it; pages name none."""
    if errcode(response) == "page":
        return True
    named, at = response.json()["error"].partition(":")[0], ".".join(path)
    return f"{at}:".startswith(named) or named.startswith(f"{at}.")


@each(CASES)
def test_the_good_bodies_are_good(opened: Callable[[Case], Side], case: Case) -> None:
    """What the bad bodies are made of passes every check of form, so that it is the one bad member that is refused."""
    side = opened(case)
    response = case.send(side, side.good(case.declared))
    # An invitation that nobody has stored is unknown in the specification's own words.
    unknown = ("M_UNRECOGNIZED",) if case.declared.name.startswith("sign_ed25519") else ()
    assert response.status in (200, 303) or errcode(response) in (*GOOD_ANSWERS, *unknown)


@pytest.mark.rule("REQ-GEN-3", "SEC-0", "SEC-12", "SEC-13", "SEC-37")
@each(CASES)
def test_a_bad_member_does_nothing(opened: Callable[[Case], Side], case: Case) -> None:
    """A member that is not what it must be is named in a 4xx; nothing goes out, is stored, or is repeated."""
    side = opened(case)
    before, body = side.state(), side.good(case.declared)
    for path, kind, _ in walk(case.message):
        for name, value in bad_values(case, kind).items():
            response, where = case.send(side, replaced(body, path, value)), f"{'.'.join(path)}: {name}"
            assert 400 <= response.status < 500, where
            assert side.state() == before, where
            assert not shown(value, response.body), where
            assert errcode(response) == "M_BAD_JSON" if "\ud800" in str(value) else names(response, path), where


@pytest.mark.rule("REQ-GEN-3")
@each(case for case in CASES if REQUIRED[case])
def test_a_missing_member_is_named(opened: Callable[[Case], Side], case: Case) -> None:
    """Without a member that must be there nothing is done, and the answer says which it is."""
    side = opened(case)
    before, body = side.state(), side.good(case.declared)
    for path in REQUIRED[case]:
        response = case.send(side, without(body, path))
        assert (response.status, side.state()) == (400, before), path
        assert errcode(response) in (
            "page",
            "M_MISSING_PARAM" if case.role in ("homeserver", "federation") else "M_MISSING_PARAMS",
        )
        assert names(response, path)


@each(case for case in CASES if case.by == "JSON")
def test_null_is_an_optional_member_left_out(opened: Callable[[Case], Side], case: Case) -> None:
    """``null`` for an optional member is as good as none, for a required one it is refused."""
    for path, _, required in walk(case.message):
        side = opened(case)
        before, body = side.state(), side.good(case.declared)
        response = case.send(side, replaced(body, path, None))
        if required:
            assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM"), path
            assert side.state() == before, path
        else:
            assert response.json() == case.send(side, without(body, path)).json(), path


def ignored(case: Case) -> list[tuple[str, ...]]:
    """Return the members of a case that have no effect."""
    return [path for path, rule, _ in walk(case.message) if isinstance(rule, Ignored)]


ANYTHING: list[Any] = ["", 5, {}, [], False, 1.5, {"a": [MARK]}, MARK * 1000]


@each(case for case in CASES if ignored(case))
def test_an_ignored_member_may_be_anything(opened: Callable[[Case], Side], case: Case) -> None:
    """A member that has no effect may have any type, and the answer is as without it (decision 34)."""
    for path in ignored(case):
        for value in ANYTHING:
            side, other = opened(case), opened(case)
            response = case.send(side, replaced(side.good(case.declared), path, value))
            plain = case.send(other, without(other.good(case.declared), path))
            assert response.status == plain.status == 200, (path, value)
            assert not shown(value, response.body), (path, value)


@pytest.mark.rule("REQ-GEN-5", "SEC-39")
@each(case for case in CASES if EXACTLY[case])
def test_no_grammar_ends_before_the_text_does(opened: Callable[[Case], Side], case: Case) -> None:
    """A good value with one more character is refused wherever a member has a grammar."""
    side = opened(case)
    before, body = side.state(), side.good(case.declared)
    for path in EXACTLY[case]:
        for spoil in ("{}\n", "\n{}", "{}\0", "{}\r", "{}\u2028"):
            response = case.send(side, replaced(body, path, spoil.format(at(body, path))))
            assert (response.status, side.state()) == (400, before), (path, spoil)
            # The identity API has an errcode of its own for addresses, of which a country is a part.
            assert errcode(response) in ("page", "M_INVALID_PARAM", "M_INVALID_ADDRESS"), (path, spoil)
