"""The contracts notice parts that are broken: a test that cannot fail says nothing about those that pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .broken import CAUGHT_BY
from .broken.clients import Broken, Inviting
from .broken.senders import Gateway, Verifier
from .running import run_pytest

HERE = Path(__file__).parent
_RESULT = re.compile(r"^(PASSED|FAILED|ERROR) \S+?::(Test\w+::test_\w+(?:\[.*?\])?)(?= - |$)", re.MULTILINE)
RIGHT = (Gateway, Verifier, Broken, Inviting)


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    """Return ``PASSED``, ``FAILED`` … by the name of a test: of each broken part, and of what they are made from."""
    wanted = {f"Test{part.__name__}::{test}" for part, test in CAUGHT_BY.items()}
    wanted |= {f"Test{part.__name__}::{test}" for part in RIGHT for test in _tests_of(part)}
    done = run_pytest(HERE, "-rA", "--tb=no", *(f"broken/under_contract.py::{test}" for test in sorted(wanted)))
    results = {test: result for result, test in _RESULT.findall(done.stdout)}
    assert wanted <= results.keys(), done.stdout + done.stderr
    return results


def _tests_of(part: type) -> set[str]:
    """Return the tests that those fail which are made from this part."""
    return {test for broken, test in CAUGHT_BY.items() if part in broken.__bases__}


@pytest.mark.parametrize("broken", CAUGHT_BY, ids=lambda broken: broken.__name__)
def test_a_broken_part_is_caught(results: dict[str, str], broken: type) -> None:
    """Every broken part fails in the very test that is about what it does wrong."""
    assert results[f"Test{broken.__name__}::{CAUGHT_BY[broken]}"] == "FAILED"


@pytest.mark.parametrize("part", RIGHT, ids=lambda part: part.__name__)
def test_what_they_are_made_from_is_not_broken(results: dict[str, str], part: type) -> None:
    """The same tests pass without what was broken."""
    assert {results[f"Test{part.__name__}::{test}"] for test in _tests_of(part)} == {"PASSED"}
