"""What a host merges into ``GET /versions`` and ``GET /capabilities``: nothing that is not so."""

from __future__ import annotations

from typing import Any

from .model.threepid import Medium
from .roles.homeserver import Homeserver


def unstable_features(homeserver: Homeserver) -> dict[str, bool]:
    """Return the flags of MSC2263, MSC2290 and MSC2264 for ``unstable_features``.

    A server that can validate no address itself must not tell clients to leave ``id_server`` out.
    """
    validates = any(homeserver.medium_off(medium) is None for medium in Medium)
    return {
        "m.require_identity_server": not validates,
        "m.separate_add_and_bind": True,
        "m.id_access_token": True,
    }


def capabilities(homeserver: Homeserver) -> dict[str, Any]:
    """Return ``m.3pid_changes`` for ``capabilities``."""
    return {"m.3pid_changes": {"enabled": homeserver.policy.changes_enabled}}
