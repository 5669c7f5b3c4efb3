"""What a part does not support is said, and nothing else is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from matrix_threepid.testing import SessionStoreContract

from .running import run_pytest

FORGETFUL = """
import pytest
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.testing import SessionStoreContract

class TestForgetful(SessionStoreContract):
    unsupported = {"purge": "keys expire by themselves"}

    @pytest.fixture
    def store(self):
        return MemorySessions()
"""


def test_what_is_declared_is_skipped_with_its_reason(tmp_path: Path) -> None:
    """The tests of an ability that is not there are skipped and say why; all others run."""
    (tmp_path / "test_it.py").write_text(FORGETFUL)
    done = run_pytest(tmp_path, "-c", "/dev/null", "-rs", "test_it.py")
    assert done.returncode == 0, done.stdout
    assert "purge: keys expire by themselves" in done.stdout


def test_a_word_the_contract_does_not_know_is_refused() -> None:
    """A misspelt declaration is no declaration."""
    with pytest.raises(TypeError, match=r"\['replace'\] are none of \['purge'\]"):
        type("TestBroken", (SessionStoreContract,), {"unsupported": {"replace": "too hard"}})
