"""How many files a reader of one call has to open stays as low as it is; ``python -m tests.tools.hops`` shows them."""

from __future__ import annotations

import pytest
from tools.hops import CALLS, hops

MOST = {"requestToken": 26, "submit form": 20, "add": 23, "list": 8, "bind": 19, "unbind": 19, "delete": 27}


@pytest.mark.parametrize("name", CALLS)
def test_a_story_is_told_in_few_files(name: str) -> None:
    """A call goes through no more files than it did when its story was last told from top to bottom."""
    files, _ = hops(name)
    assert len(files) <= MOST[name], sorted(files)
