"""A medium is one row: without it neither the import nor the type check passes, with it everything works."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

import matrix_threepid

PACKAGE = Path(matrix_threepid.__file__).parent
MEMBER = ('MSISDN = "msisdn"\n', 'MSISDN = "msisdn"\n    WHATSAPP = "whatsapp"\n')
ROW = """
@frozen(kw_only=True, slots=False)
class _WhatsAppMembers(PhoneMembers):
    def candidate(self, policy: object) -> Candidate:
        number = super().candidate(policy)
        return evolve(number, threepid=evolve(number.threepid, medium=Medium.WHATSAPP))


def _read_whatsapp(address: str, policy: object) -> Threepid:
    return evolve(read_number(address, policy), medium=Medium.WHATSAPP)


_WHATSAPP = evolve(
    _MSISDN,
    medium=Medium.WHATSAPP,
    members=_WhatsAppMembers,
    read=_read_whatsapp,
    stage="org.example.login.whatsapp",
    login_type=None,
    login=None,
)
"""
"""What somebody who adds a medium writes, beside its sender."""
JOURNEY = """
from matrix_threepid import Medium
from matrix_threepid.testing import ALICE, Outbox, World

outbox = Outbox()
world = World(senders={Medium.WHATSAPP: outbox})
body = {"country": "GB", "phone_number": "07700900001", "client_secret": "secret", "send_attempt": 1}
asked = world.post("/account/3pid/whatsapp/requestToken", body, ALICE)
assert asked.status == 200, asked.body
assert outbox.last.code and not outbox.last.link
proof = {"sid": asked.json()["sid"], "client_secret": "secret"}
path = asked.json()["submit_url"].removeprefix("https://hs.example.org")
assert world.post(path, {**proof, "token": outbox.last.code}).json() == {"success": True}
assert world.add(proof["sid"]).status == 200
assert world.threepids() == ["447700900001"]
gone = world.post("/account/3pid/delete", {"medium": "whatsapp", "address": "+44 7700 900001"}, ALICE)
assert gone.status == 200, gone.body
assert world.threepids() == []
"""


def python(where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python where a copy of the package comes first."""
    return subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, *arguments], cwd=where, capture_output=True, text=True, timeout=280, check=False
    )


def strict(where: Path) -> str:
    """Return what a strict type check says of the copy; nothing if it has no objection."""
    options = ("--strict", "--python-version", "3.10", "--ignore-missing-imports", "-p", "matrix_threepid")
    checked = python(where, "-m", "mypy", *options)
    return checked.stdout if checked.returncode else ""


def change(file: Path, old: str, new: str) -> None:
    """Replace a text that stands once in a file."""
    text = file.read_text("utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), "utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package whose ``Medium`` has one more member, and no row for it."""
    copied = copytree(PACKAGE, tmp_path / "matrix_threepid", ignore=ignore_patterns("__pycache__"))
    change(copied / "model" / "threepid.py", *MEMBER)
    return tmp_path


@pytest.fixture
def whole(copy: Path) -> Path:
    """The same with its row."""
    media = copy / "matrix_threepid" / "model" / "media.py"
    change(media, "from attrs import frozen", "from attrs import evolve, frozen")
    change(media, "\ndef _assert_never", f"{ROW}\n\ndef _assert_never")
    lines = "    if medium is Medium.WHATSAPP:\n        return _WHATSAPP\n    _assert_never(medium)\n"
    change(media, "    _assert_never(medium)\n", lines)
    return copy


def test_a_medium_without_a_row_stops_the_import(copy: Path) -> None:
    """The import names the member that has no row, and where rows are."""
    imported = python(copy, "-c", "from matrix_threepid import Homeserver")
    assert "WHATSAPP" in imported.stderr
    assert "has no row in matrix_threepid.model.media" in imported.stderr


def test_a_row_is_all_that_a_medium_takes(whole: Path) -> None:
    """requestToken, code, add, list and delete work for a medium of which nothing but the table knows."""
    told = python(whole, "-W", "error", "-c", JOURNEY)
    assert told.stderr == ""


@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed: pip install -e '.[dev]'")
def test_the_type_check_asks_for_the_row(copy: Path) -> None:
    """Mypy refuses a member without a row where it would be handled."""
    assert "media.py" in strict(copy)


@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed: pip install -e '.[dev]'")
def test_the_type_check_is_content_with_a_row(whole: Path) -> None:
    """With the row nothing else has to change for the type check."""
    assert strict(whole) == ""
