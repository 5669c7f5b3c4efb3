"""``explain`` names the true cause of what people report to support."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matrix_threepid import run_sync
from matrix_threepid.observing import explain
from matrix_threepid.testing import World

from .cases import CASES


@pytest.mark.answers_5xx(503)
@pytest.mark.parametrize("name", CASES)
def test_the_true_cause_is_named(make_world: Callable[..., World], name: str) -> None:
    """What an operator asks about is answered with its cause, and with what to do."""
    case = CASES[name]
    world, what = case.story(make_world)
    found = run_sync(explain(world.homeserver, what))
    named = found.causes[0] if case.about is None else found.cause_of(case.about)
    assert named is case.cause, found.text
    assert found.to_do, found.text
