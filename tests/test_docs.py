"""Every Python snippet of the README and the docs runs, page by page, in order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from matrix_threepid.testing import FakeAccounts, FakeCallers, FakeUia

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GIVEN = {
    "pepper": bytes(32),
    "database_uri": "postgresql:///nowhere",
    "key_file_text": "ed25519 a_1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1",
    "twilio_account": "AC" + "0" * 32,
    "twilio_token": "token",
}
"""What a page takes from its reader."""
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


async def your_app(scope: Any, receive: Any, send: Any) -> None:
    """Stand in for the host's own application."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_snippets_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page shows is what happens."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "threepid-texts").mkdir()
    names = {"accounts": FakeAccounts(), "callers": FakeCallers(), "uia": FakeUia()}
    scope: dict[str, Any] = {**names, **GIVEN, "your_app": your_app}
    text = page.read_text("utf-8")
    for block in _BLOCK.finditer(text):
        line = text[: block.start()].count("\n") + 1
        exec(compile("\n" * line + block[1], str(page), "exec"), scope)  # noqa: S102


def test_the_first_screen_of_the_readme_wires_a_host() -> None:
    """A reader meets a working example before line 40."""
    first_screen = "\n".join((ROOT / "README.md").read_text("utf-8").splitlines()[:40])
    assert "app = Asgi(Service(homeserver)" in first_screen
    assert "examples.homeserver demo" in first_screen
