"""What a host merges into its answers to ``GET /versions`` and ``GET /capabilities``."""

from __future__ import annotations

from .model.threepid import Medium
from .roles.homeserver import Homeserver


def unstable_features(homeserver: Homeserver) -> dict[str, bool]:
    """Return the flags for ``unstable_features`` in ``/versions``.

    * ``m.require_identity_server``: ``False`` if the homeserver validates addresses of some medium itself. If it does
      not, clients must send ``id_server``.
    * ``m.separate_add_and_bind``: ``True``.
    * ``m.id_access_token``: ``True``.

    Source: `MSC2263 <https://github.com/matrix-org/matrix-spec-proposals/pull/2263>`__, `MSC2264
    <https://github.com/matrix-org/matrix-spec-proposals/pull/2264>`__, `MSC2290
    <https://github.com/matrix-org/matrix-spec-proposals/pull/2290>`__.
    """
    validates = any(homeserver.medium_off(medium) is None for medium in Medium)
    return {
        "m.require_identity_server": not validates,
        "m.separate_add_and_bind": True,
        "m.id_access_token": True,
    }


def capabilities(homeserver: Homeserver) -> dict[str, object]:
    """Return ``m.3pid_changes`` for ``capabilities``; it is enabled as ``Policy.changes_enabled`` says.

    Source: `m.3pid_changes <https://spec.matrix.org/latest/client-server-api/#m3pid_changes-capability>`__.
    """
    return {"m.3pid_changes": {"enabled": homeserver.policy.changes_enabled}}
