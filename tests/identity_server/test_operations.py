"""The page about running an identity server lists every operation of the specification as it is declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from matrix_threepid.endpoints import IDENTITY_SERVER

from .acting import Place

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "run-identity-server.md"
_ROW = re.compile(r"^\| `([A-Z]+) (/\S*)` \| `?([a-z_ 0-9]+)`? \| (?:`(\S+)::(\w+)`)? ?\|$", re.MULTILINE)
# https://spec.matrix.org/latest/identity-service-api/ has 23 operations without those of version 1.
OPERATIONS = 23
EVERYBODY = re.compile(r"/versions|/v2|/v2/(terms|account/register|pubkey/.*|3pid/unbind)")


def rows() -> list[tuple[str, str, str, str, str]]:
    if not PAGE.exists():
        pytest.skip("the docs are not here")
    return _ROW.findall(PAGE.read_text())


def test_every_operation_is_listed_as_it_is_declared() -> None:
    """Each of the 23 operations has its row, which names the declaration that answers it, or that there is none."""
    listed = rows()
    assert len({(method, path) for method, path, *_ in listed}) == len(listed) == OPERATIONS
    for method, path, name, *_ in listed:
        declared = IDENTITY_SERVER.paths.get(f"{IDENTITY_SERVER.prefix}{path}", {}).get(method)
        assert (declared.name if declared else "not offered") == name, path


def test_no_operation_of_version_2_is_left_out() -> None:
    """What is declared under version 2 is on the page, but for the pages behind links, which are this project's."""
    listed = {(method, f"{IDENTITY_SERVER.prefix}{path}") for method, path, *_ in rows()}
    declared = {
        (method, path)
        for path, methods in IDENTITY_SERVER.paths.items()
        for method in methods
        if "/api/v1" not in path and "/threepid/" not in path
    }
    assert declared - listed == set()


def test_every_test_of_the_page_is_there() -> None:
    """A row of an operation that is offered names a test that exists."""
    for *_, name, file, test in rows():
        assert name == "not offered" or f"def {test}(" in (Path(__file__).parent / file).read_text(), test


def test_who_may_call_what(v2: Place) -> None:
    """Without a token only what the specification says so answers anything else than ``M_UNAUTHORIZED``."""
    for method, path, name, *_ in rows():
        if name == "not offered" or (EVERYBODY.fullmatch(path) and (method, path) != ("POST", "/v2/terms")):
            continue
        if method == "GET" and path.endswith("/submitToken"):
            continue
        answer = v2.call(method, f"{IDENTITY_SERVER.prefix}{path}", b"{}", user=None)
        # A host with tokens of its own offers no logging out here.
        expected = (404, "M_UNRECOGNIZED") if path.endswith("/logout") else (401, "M_UNAUTHORIZED")
        assert (answer.status, answer.json()["errcode"]) == expected, path
