"""What a host tells its clients about itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid.testing import World
from matrix_threepid.versions import capabilities, unstable_features


@pytest.mark.rule("REQ-CAPVER-2", "REQ-CAPVER-3")
@pytest.mark.parametrize(
    ("wiring", "policy", "required"),
    [({}, {}, False), ({"senders": {}}, {}, True), ({}, {"public_base_url": None}, True)],
)
def test_flags_say_what_is_wired(
    make_world: Callable[..., World], wiring: dict[str, Any], policy: dict[str, Any], required: bool
) -> None:
    """Clients may leave identity servers out exactly when some medium can be validated here."""
    assert unstable_features(make_world(policy, **wiring).homeserver) == {
        "m.require_identity_server": required,
        "m.separate_add_and_bind": True,
        "m.id_access_token": True,
    }


@pytest.mark.rule("REQ-CAPVER-3")
@pytest.mark.parametrize("enabled", [True, False])
def test_the_capability_is_the_policy(make_world: Callable[..., World], enabled: bool) -> None:
    """``m.3pid_changes`` says what the endpoints do."""
    world = make_world({"changes_enabled": enabled})
    assert capabilities(world.homeserver) == {"m.3pid_changes": {"enabled": enabled}}
    assert (world.ask().status == 200) is enabled
