"""Whether a server lives and is ready, for load balancers and supervisors. Off unless a host mounts the table.

See https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/.
"""

from __future__ import annotations

from attrs import frozen

from ..flows.health import health_of
from ..model.call import Call
from ..protocol.endpoint import Table, endpoint
from ..protocol.errors import Unavailable
from ..protocol.history import History
from ..roles.base import Role

_NO_VERSION = History(unstable=False, bare=True)


@frozen
class Alive:
    """Nothing to say."""


@endpoint("GET", "/live", _NO_VERSION, reply=Alive)
async def live(role: object, call: Call, message: None) -> Alive:
    """Answer 200, and ask nothing: an outage of the database must not restart every process."""
    return Alive()


@endpoint("GET", "/ready", _NO_VERSION, reply=Alive)
async def ready(role: Role, call: Call, message: None) -> Alive:
    """Answer 200, or 503 without a database that can be written to and has the schema that this release needs."""
    if not (await health_of(role)).ready:
        raise Unavailable
    return Alive()


HEALTH = Table("/_threepid", (live, ready))
"""``GET /_threepid/live`` and ``…/ready``, to be mounted with ``Service(role, HEALTH)``."""
