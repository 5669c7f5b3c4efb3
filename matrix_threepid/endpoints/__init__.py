"""The endpoints, as tables: what a role offers is what its table lists."""

from ..paths import PREFIX
from ..protocol.endpoint import Table
from . import contacts, request_token, submit

HOMESERVER = Table(PREFIX, (*request_token.ENDPOINTS, *submit.ENDPOINTS, *contacts.ENDPOINTS))
"""Everything a homeserver offers to its clients."""
