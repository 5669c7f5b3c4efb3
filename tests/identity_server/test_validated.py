"""getValidated3pid of the identity API: who is told what was proved (REQ-ISVAL)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matrix_threepid.testing import World

from .acting import DAY, Place, refusal

SUBMIT = "/validate/email/submitToken"


@pytest.mark.rule("REQ-ISVAL-1")
@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"sid": "nobody"}, (404, "M_NO_VALID_SESSION")),
        ({"client_secret": "other"}, (404, "M_NO_VALID_SESSION")),
        ({"client_secret": "a b"}, (400, "M_INVALID_PARAM")),
        ({"sid": ""}, (400, "M_INVALID_PARAM")),
    ],
)
def test_only_the_session_s_client_learns_of_it(
    validator: Place, changes: dict[str, str], refused: tuple[int, str]
) -> None:
    """Unknown session and wrong secret look alike; what breaks the grammar is refused."""
    credentials = validator.prove()
    assert refusal(validator.validated({**credentials, **changes})) == refused


def test_a_session_without_its_secret_is_missing_something(validator: Place) -> None:
    """Both values are needed."""
    assert refusal(validator.validated({"sid": "a"})) == (400, "M_MISSING_PARAMS")


@pytest.mark.rule("REQ-ISVAL-1")
@pytest.mark.parametrize("proved", [True, False])
def test_expiry_is_told_before_the_state(validator: Place, proved: bool) -> None:
    """An expired session is expired, whether it was validated or not; a live one may not be validated yet."""
    credentials = {"sid": validator.ask().json()["sid"], "client_secret": "secret"}
    if proved:
        validator.post(SUBMIT, validator.triple(credentials["sid"]))
    else:
        assert refusal(validator.validated(credentials)) == (400, "M_SESSION_NOT_VALIDATED")
    validator.clock.advance(DAY)
    assert refusal(validator.validated(credentials)) == (400, "M_SESSION_EXPIRED")


def test_version_2_wants_a_token_to_tell(v2: Place) -> None:
    """v2 tells nobody without a token what was validated."""
    assert refusal(v2.validated(v2.prove(), user=None)) == (401, "M_UNAUTHORIZED")


def test_a_homeserver_s_session_is_none_here(validator: Place, make_world: Callable[..., World]) -> None:
    """Roles may share a store; what was proved to add an address to an account publishes nothing, and vice versa."""
    world = make_world(sessions=validator.homeserver.sessions)
    added = {"sid": world.prove(), "client_secret": "secret"}
    assert refusal(validator.validated(added)) == (404, "M_NO_VALID_SESSION")
    proved = validator.prove(client_secret="another")
    assert refusal(world.add(proved["sid"], "another")) == (403, "M_THREEPID_AUTH_FAILED")
