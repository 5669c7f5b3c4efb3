"""The table of the specification is whole, and every row has a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

from tools.specification import HEADS, SHOWN, TESTS, name_of, rows, table_of, with_specification

from matrix_threepid.accounts import ACCOUNTS
from matrix_threepid.endpoints import FEDERATION, HOMESERVER, IDENTITY_SERVER

PAGE = (Path(__file__).parents[1] / "docs" / "specification.md").read_text("utf-8")
CLIENT, IDENTITY = "/_matrix/client", "/_matrix/identity/v2"
# What the specification has of addresses (v1.19 and unreleased), by method and path without the version of clients.
SPECIFIED = {
    *(
        f"POST {path}/{medium}/requestToken"
        for path in ("/account/3pid", "/register", "/account/password")
        for medium in ("email", "msisdn")
    ),
    "GET /account/3pid",
    *(f"POST /account/3pid{step}" for step in ("", "/add", "/bind", "/unbind", "/delete")),
    *(f"POST {path}" for path in ("/register", "/account/password", "/account/deactivate", "/login", "/createRoom")),
    "POST /rooms/{roomId}/invite",
    "GET /versions",
    "GET /capabilities",
    "PUT /_matrix/federation/v1/3pid/onbind",
    "PUT /_matrix/federation/v1/exchange_third_party_invite/{roomId}",
    "GET /_matrix/identity/versions",
    f"GET {IDENTITY}",
    *(f"GET {IDENTITY}/{path}" for path in ("account", "terms", "hash_details", "3pid/getValidated3pid")),
    *(f"POST {IDENTITY}/account/{path}" for path in ("register", "logout")),
    *(f"POST {IDENTITY}/{path}" for path in ("terms", "lookup", "3pid/bind", "3pid/unbind")),
    *(f"POST {IDENTITY}/{path}" for path in ("store-invite", "sign-ed25519")),
    *(f"GET {IDENTITY}/pubkey/{path}" for path in ("{keyId}", "isvalid", "ephemeral/isvalid")),
    *(
        f"{method} {IDENTITY}/validate/{medium}/{step}"
        for medium in ("email", "msisdn")
        for method, step in (("POST", "requestToken"), ("POST", "submitToken"), ("GET", "submitToken"))
    ),
}


def test_no_row_is_empty() -> None:
    """Every row has a name, a link, a state and a test."""
    empty = [row.name for row in rows() if not (row.name and row.state and row.source.startswith("https://"))]
    assert empty == []
    assert [row.name for row in rows() if row.test is None] == []


def test_the_tests_of_the_rows_are_there() -> None:
    """Each names a function of a test module."""
    for test in {row.test for row in rows()}:
        path, _, name = str(test).partition("::")
        assert re.search(rf"^(?:async )?def {name}\(", (TESTS.parent / path).read_text("utf-8"), re.MULTILINE), test


def test_the_chosen_tests_are_of_endpoints() -> None:
    """Whose test is chosen by hand is an endpoint that is declared."""
    declared = {*HOMESERVER.endpoints, *ACCOUNTS, *FEDERATION.endpoints, *IDENTITY_SERVER.endpoints}
    assert set(SHOWN) - {name_of(each) for each in declared} == set()


def test_nothing_of_the_specification_is_missing() -> None:
    """All that the specification has of addresses has a row."""
    named = {re.sub(rf"{CLIENT}(?:/(?:r0|v3))?", "", row.name) for row in rows()}
    assert SPECIFIED - named == set()


def test_the_page_has_every_table() -> None:
    """The page has a place for each topic, under its heading, and the place becomes a table."""
    assert re.findall(r"^## (.*)\n\n<!-- specification: (\w+) -->", PAGE, re.MULTILINE) == [
        (head, topic) for topic, head in HEADS.items()
    ]
    built = with_specification(PAGE)
    assert "<!-- specification" not in built
    assert all(table_of(topic) in built for topic in HEADS)
