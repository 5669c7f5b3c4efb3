"""``ConsoleSender``: messages for a developer's eyes."""

from __future__ import annotations

from io import StringIO

import pytest
from smtp.messages import LINK, told

from matrix_threepid import run_sync
from matrix_threepid.model.message import Accepted
from matrix_threepid.senders.console import ConsoleSender


@pytest.mark.parametrize(("token", "shown"), [({}, LINK), ({"link": None, "code": "402913"}, "402913")])
def test_the_console_shows_what_to_open_or_type(token: dict[str, str | None], shown: str) -> None:
    """A developer sees recipient, purpose, and the link or code."""
    stream = StringIO()
    assert run_sync(ConsoleSender(stream).send(told(**token))) == Accepted()
    assert stream.getvalue() == f"To bob@example.org (token, add): {shown}\n"


def test_without_a_stream_the_console_is_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output stays free for programs."""
    run_sync(ConsoleSender().send(told()))
    written = capsys.readouterr()
    assert (written.out, LINK in written.err) == ("", True)
