"""The public names: all there, listed once, and cheap to have."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import matrix_threepid

HEAVY = (
    "jsonschema email_validator idna nacl signedjson asyncio twisted trio twilio sqlite3 psycopg smtplib phonenumbers"
)
LIST_LOADED = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def modules_after(statement: str) -> set[str]:
    """Return the modules a fresh interpreter has loaded after a statement."""
    command = [sys.executable, "-c", f"{statement}; {LIST_LOADED}"]
    return set(json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout))  # noqa: S603


@pytest.mark.parametrize("name", matrix_threepid.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """What ``__all__`` lists can be had, and has a docstring where it is a class or function."""
    value = getattr(matrix_threepid, name)
    assert value is getattr(matrix_threepid, name)
    assert not callable(value) or value.__doc__


def test_the_names_are_listed_once() -> None:
    """``__all__`` and ``dir()`` agree and repeat nothing."""
    assert len(set(matrix_threepid.__all__)) == len(matrix_threepid.__all__)
    assert set(dir(matrix_threepid)) == set(matrix_threepid.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not public fails as in any module."""
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        _ = matrix_threepid.nothing_of_ours  # type: ignore[attr-defined]


def test_a_star_import_gets_them_all() -> None:
    """``from matrix_threepid import *`` works in a fresh interpreter."""
    assert "matrix_threepid.service" in modules_after("from matrix_threepid import *")


@pytest.mark.parametrize(
    "statement",
    ["import matrix_threepid", "from matrix_threepid import Homeserver, Policy, Peppers, Service, Medium, Stages"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(statement: str) -> None:
    """Importing the library, or what wires it, loads no validator, loop, driver or provider."""
    assert not modules_after(statement) & set(HEAVY.split())
