"""Declarations of endpoints: what cannot be right stops the import, and routes are read from them."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen

from matrix_threepid import ConfigurationError, Service
from matrix_threepid.endpoints import DELEGATE, HOMESERVER, IDENTITY_SERVER
from matrix_threepid.protocol.endpoint import Access, Charged, Endpoint, Table, endpoint, on
from matrix_threepid.protocol.errors import LimitExceeded, MatrixError, MissingToken, NotJson, UiaRequired
from matrix_threepid.protocol.history import RELEASES, History
from matrix_threepid.protocol.members import members
from matrix_threepid.testing import World

HERE = History(r0="r0.2.0", v3="v1.1")


async def nothing(*_: Any) -> None:
    """Do nothing."""


@frozen
class Plain:
    """A message without members."""


def declare(path: str = "/a", method: str = "POST", history: History = HERE, **declared: Any) -> Endpoint:
    return Endpoint(method, path, history, nothing, **{"name": f"{method} {path}", **declared})


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"r0": "v1.2", "v3": "v1.1"}, "out of order"),
        ({"r0": "r0.6.0", "deprecated": "r0.5.0"}, "out of order"),
        ({"r0": "r0.9.9"}, "must be a release"),
        ({"v3": "v1.99"}, "must be a release"),
        ({"v3": "1.1"}, "must be a release"),
        ({"r0": "r0.2.0", "deprecated": "soon"}, "must be a release"),
    ],
)
def test_a_history_that_cannot_be_stops_the_import(wrong: dict[str, Any], reason: str) -> None:
    """Releases are releases of the specification, and ``/r0`` is older than ``/v3``."""
    with pytest.raises(ConfigurationError, match=reason):
        History(**wrong)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"path": "a"}, "slash"),
        ({"path": "/a/"}, "slash"),
        ({"history": History(unstable=False)}, "at least one version"),
        ({"uia": True}, "needs Access.USER"),
        ({"uia": True, "access": Access.OPTIONAL}, "needs Access.USER"),
    ],
)
def test_a_declaration_that_cannot_be_stops_the_import(wrong: dict[str, Any], reason: str) -> None:
    """Paths start with a slash, live somewhere, and user-interactive authentication has a user."""
    with pytest.raises(ConfigurationError, match=reason):
        declare(**wrong)


def test_a_request_is_a_message_class() -> None:
    """What is declared as a request must be an attrs class."""
    with pytest.raises(Exception, match="attrs"):
        declare(request=dict)


@pytest.mark.parametrize(
    "twice",
    [
        (declare(), declare(name="other")),
        (declare(), declare("/b", history=History(r0="r0.2.0", also=("/a",)))),
        (declare("/b", history=History(r0="r0.2.0", also=("/b",))),),
    ],
)
def test_a_path_is_declared_once(twice: tuple[Endpoint, ...]) -> None:
    """One method of one path has one endpoint."""
    with pytest.raises(ConfigurationError, match="declared twice"):
        Table("/_matrix/client", twice)


def test_a_name_is_given_once() -> None:
    """Two endpoints of one role have two names."""
    with pytest.raises(ConfigurationError, match="one name"):
        Table("/x", (declare(name="a"), declare("/b", name="a")))


def test_two_methods_share_a_path() -> None:
    """GET and POST of one path are two endpoints."""
    get, post = declare(method="GET"), declare()
    assert Table("/x", (get, post)).at("/x/v3/a") == {"GET": get, "POST": post}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/x/r0/a", True),
        ("/x/v3/a", True),
        ("/x/unstable/a", True),
        ("/x/v3/a/", True),
        ("/x/v3/draft", True),
        ("/x/v3/a//", False),
        ("/x/v1/a", False),
        ("/x/v3/A", False),
        ("/x/v3//a", False),
        ("/x/v3/a/b", False),
        ("/x/v3", False),
        ("/x/a", False),
        ("/v3/a", False),
        ("/y/v3/a", False),
        ("", False),
        ("/", False),
        ("/x/v3/%61", False),
        ("/x/v3/a?b", False),
    ],
)
def test_an_endpoint_is_found_at_its_paths_only(path: str, found: bool) -> None:
    """Every version and other path of a declaration leads to it, with one trailing slash forgiven."""
    table = Table("/x", (declare(history=History(r0="r0.2.0", v3="v1.1", also=("/draft",))),))
    assert bool(table.at(path)) is found


def test_a_bare_endpoint_lives_without_a_version() -> None:
    """An endpoint such as ``/versions`` has no version in its path."""
    table = Table("/x", (declare(history=History(unstable=False, bare=True)),))
    assert [bool(table.at(path)) for path in ("/x/a", "/x/v3/a")] == [True, False]


def test_the_errors_of_a_kind_need_not_be_listed() -> None:
    """An endpoint with a user, a body, limits and authentication can answer the errors of each."""
    full = declare(access=Access.USER, uia=True, request=Plain, charged=Charged.CHANGES)
    assert {MissingToken, NotJson, UiaRequired, LimitExceeded} <= set(full.possible_errors)
    assert not {MissingToken, NotJson, UiaRequired, LimitExceeded} & set(declare().possible_errors)


def test_a_decorated_handler_is_its_endpoint() -> None:
    """Name and docs of an endpoint are its handler's."""

    @endpoint("GET", "/b", HERE)
    async def show(*_: Any) -> None:
        """Show it."""

    assert (show.name, show.doc, show.method) == ("show", "Show it.", "GET")
    assert on(show, name="other").name == "other"


def test_releases_are_in_order() -> None:
    """The list of releases starts with r0.0.0, has v1.1 right after r0.6.1, and names none twice."""
    assert RELEASES[0] == "r0.0.0"
    assert RELEASES.index("v1.1") == RELEASES.index("r0.6.1") + 1
    assert len(set(RELEASES)) == len(RELEASES)


@pytest.mark.parametrize(
    "declared",
    [*HOMESERVER.endpoints, *DELEGATE.endpoints, *IDENTITY_SERVER.endpoints],
    ids=lambda declared: declared.name,
)
def test_every_endpoint_is_declared_in_full(declared: Endpoint) -> None:
    """Each has a name, a sentence, and lists Matrix errors only."""
    assert declared.name.isidentifier()
    assert declared.doc.strip().endswith(".")
    assert all(issubclass(error, MatrixError) for error in declared.possible_errors)
    if declared.request is not None:
        assert all(each.rule.words and each.doc for each in members(declared.request).values())


PATHS = """
GET  /account/3pid
POST /account/3pid
POST /account/3pid/add
POST /account/3pid/bind
POST /account/3pid/delete
POST /account/3pid/email/requestToken
POST /account/3pid/identity/bind
POST /account/3pid/msisdn/requestToken
POST /account/3pid/unbind
POST /account/password/email/requestToken
POST /account/password/msisdn/requestToken
POST /register/email/requestToken
POST /register/msisdn/requestToken
"""


@pytest.mark.rule("REQ-GEN-1")
@pytest.mark.parametrize("version", ["r0", "v3", "unstable"])
@pytest.mark.parametrize("line", PATHS.strip().splitlines())
def test_the_specified_paths_are_there(world: World, line: str, version: str) -> None:
    """Every path of the specification and of the first draft is served under r0, v3 and unstable."""
    method, path = line.split()
    full = f"/_matrix/client/{version}{path}"
    assert method in HOMESERVER.at(full)
    assert Service(world.homeserver).serves(full)
