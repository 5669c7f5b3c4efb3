"""The contracts notice stores that are broken: a test that cannot fail says nothing about those that pass."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from .broken import CAUGHT_BY

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def failures() -> dict[str, set[str]]:
    """Return the names of the tests that failed, by the name of the broken store."""
    wanted = " or ".join(sorted({*CAUGHT_BY.values()}))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "broken/under_contract.py",
        "-q",
        "-rf",
        "--tb=no",
        "-p",
        "no:cacheprovider",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "COLUMNS": "250"}
    done = subprocess.run(  # noqa: S603  our own tests
        [*command, "-k", wanted], cwd=HERE, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    failed = defaultdict(set)
    for store, test in re.findall(r"^FAILED \S+::Test(\w+)::(test_\w+)", done.stdout, re.MULTILINE):
        failed[store].add(test)
    assert failed, done.stdout + done.stderr
    return failed


@pytest.mark.rule("SEC-105")
@pytest.mark.parametrize("broken", CAUGHT_BY, ids=lambda broken: broken.__name__)
def test_a_broken_store_is_caught(failures: dict[str, set[str]], broken: type) -> None:
    """Every broken store fails in the very test that is about what it does wrong."""
    assert CAUGHT_BY[broken] in failures[broken.__name__]
