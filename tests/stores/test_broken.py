"""The contracts notice stores that are broken: a test that cannot fail says nothing about those that pass."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from contracts.running import run_pytest

from .broken import CAUGHT_BY

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def failures() -> dict[str, set[str]]:
    """Return the names of the tests that failed, by the name of the broken store; each store is put to one test."""
    wanted = (f"broken/under_contract.py::Test{store.__name__}::{test}" for store, test in CAUGHT_BY.items())
    done = run_pytest(HERE, "-rf", "--tb=no", *wanted)
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
