"""The contract notices a client that is not safe: a test that cannot fail says nothing about those that pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from contracts.running import run_pytest

CAUGHT_BY = [
    "test_a_request_arrives_as_it_was_made",
    "test_cookies_are_not_kept",
    "test_a_body_has_a_limit",
    "test_redirects_are_not_followed",
    "test_denied_addresses_are_not_called",
    "test_one_denied_address_blocks_the_name",
    "test_other_ports_are_not_called",
    "test_a_name_is_looked_up_once",
    "test_a_name_that_leads_elsewhere_by_now_is_blocked",
    "test_the_certificate_is_for_the_name",
    "test_strangers_certificates_are_refused",
    "test_no_answer_is_a_value",
]


@pytest.fixture(scope="module")
def failures() -> set[str]:
    """Return the names of the tests that failed."""
    done = run_pytest(Path(__file__).parent, "-rf", "--tb=no", "-k", " or ".join(CAUGHT_BY), "naive.py")
    failed = set(re.findall(r"^FAILED \S+::(test_\w+)", done.stdout, re.MULTILINE))
    assert failed, done.stdout + done.stderr
    return failed


@pytest.mark.rule("REQ-IDS-8", "SEC-40", "SEC-52", "SEC-123")
@pytest.mark.parametrize("test", CAUGHT_BY)
def test_a_naive_client_is_caught(failures: set[str], test: str) -> None:
    """A client that checks nothing fails in the tests that are about what it does wrong."""
    assert test in failures
