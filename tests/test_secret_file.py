"""The file that holds a host's secret: made once, for its user only, and named when it is no good."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from matrix_threepid import ConfigurationError
from matrix_threepid.settings.secret import stored_peppers

STARTERS = 8


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    """Whoever starts first makes it, all others read it, also later; nobody else may, and nothing is left beside it."""
    file = tmp_path / "secret"
    with ThreadPoolExecutor(STARTERS) as pool:
        made = list(pool.map(stored_peppers, [file] * STARTERS))
    assert {each.current.key for each in (*made, stored_peppers(file))} == {file.read_bytes()}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("held", [b"", b"a-short-secret"])
def test_a_secret_that_is_too_short_is_named(tmp_path: Path, held: bytes) -> None:
    """The operator hears which file it is, and nothing of what it holds."""
    file = tmp_path / "secret"
    file.write_bytes(held)
    with pytest.raises(ConfigurationError) as refused:
        stored_peppers(file)
    assert str(refused.value).startswith(f"{file}: a pepper is")
    assert "a-short-secret" not in str(refused.value)


def test_a_place_where_no_secret_can_be_is_named(tmp_path: Path) -> None:
    """The same for a folder that is not there."""
    with pytest.raises(ConfigurationError, match=r"nowhere.*No such file"):
        stored_peppers(tmp_path / "nowhere" / "secret")
