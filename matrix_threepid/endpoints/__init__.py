"""The endpoints, as tables: what a role offers is what its table lists."""

from ..homeserver import Homeserver
from ..protocol.endpoint import Table
from . import adding, binding, listing, removing, request_token, submit

HOMESERVER = Table(
    Homeserver.prefix,
    tuple(
        declared
        for module in (request_token, submit, listing, adding, removing, binding)
        for declared in module.ENDPOINTS
    ),
)
"""Everything a homeserver offers to its clients."""
