"""The contract notices hosts that are broken: a test that cannot fail says nothing about those that pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from contracts.running import run_pytest

from .broken_hosts import CAUGHT_BY

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def failures() -> set[tuple[str, str]]:
    """Return the hosts that failed, each with the test it failed in."""
    tests = [f"broken_hosts.py::Test{broken.__name__}::{test}" for broken, test in CAUGHT_BY.items()]
    done = run_pytest(HERE, "-rf", "--tb=no", *tests)
    failed = set(re.findall(r"^FAILED \S+::Test(\w+)::(test_\w+)", done.stdout, re.MULTILINE))
    assert failed, done.stdout + done.stderr
    return failed


@pytest.mark.parametrize("broken", CAUGHT_BY, ids=lambda broken: broken.__name__)
def test_a_broken_host_is_caught(failures: set[tuple[str, str]], broken: type) -> None:
    """Every broken host fails in the very test that is about what it does wrong."""
    assert (broken.__name__, CAUGHT_BY[broken]) in failures
