"""The ten-minute host, typed off its page: a file, a server, and what its reader asks of it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import pytest

from matrix_threepid.hosts import listener
from matrix_threepid.testing.parts import fetch, press
from matrix_threepid.testing.parts.browser import Answer

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "ten-minute-host.md").read_text("utf-8")
THERE = "http://127.0.0.1:8000"


def blocks(language: str, text: str = PAGE) -> list[str]:
    """Return what the fences of a language have."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, IO[str]]]:
    """The server of the page at a free port: its URL, and its terminal."""
    with listener("127.0.0.1", 0) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    python = "\n".join(blocks("python", PAGE.partition("## Other servers")[0]))
    (tmp_path / "ten.py").write_text(python.replace(THERE, url))
    (command,) = (each for each in blocks("sh") if each.startswith("uvicorn "))
    process = subprocess.Popen(  # noqa: S603  the page's own command
        [sys.executable, "-m", *shlex.split(command), "--port", url.rpartition(":")[2]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        next(line for line in process.stderr if "running on" in line)
        yield url, process.stderr
    finally:
        process.kill()
        process.communicate()


def curled(command: str, url: str, sid: str) -> Answer:
    """Do what a command of curl does."""
    _, target, *given = shlex.split(command.replace("\\\n", "").replace(THERE, url).replace("SID", sid))
    options = dict(zip(given[::2], given[1::2], strict=True))
    body = options["-d"].encode() if "-d" in options else None
    return fetch("POST" if body else "GET", target, body, Authorization=options["-H"].partition(": ")[2])


def test_the_page_ends_with_an_address_on_an_account(served: tuple[str, IO[str]]) -> None:
    """Its commands ask for a mail whose link works, are refused without the password, and put the address on."""
    url, terminal = served
    ask, *others = (each for each in blocks("sh") if each.startswith("curl "))
    sid = curled(ask, url, "").member("sid")
    mail = next(line for line in terminal if line.startswith("To "))
    said, link = mail.rsplit(" ", 1)
    (printed,) = blocks("text")
    assert printed.startswith(f"{said} {THERE}{urlsplit(link).path}?sid=")
    page = fetch("GET", link.strip())
    (button,) = re.findall(r"press \*([^*]+)\*", PAGE)
    assert button in page.body.decode()
    press(page)
    refused, added, listed = (curled(each, url, sid) for each in others)
    assert (refused.status, refused.member("session")) == (401, "xyz")
    assert (added.status, added.json()) == (200, {})
    assert [each["address"] for each in listed.json()["threepids"]] == ["alice@example.org"]
