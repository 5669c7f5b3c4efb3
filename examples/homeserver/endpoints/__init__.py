"""The server's own endpoints, and the tables of all it offers: these and the library's."""

from matrix_threepid import Homeserver
from matrix_threepid.endpoints import ACCOUNTS, HOMESERVER

from . import about, bindings, keys, login, openid, rooms, steps

_OWN = (about, login, openid, bindings, rooms)
TABLE = steps.ClientTable(
    Homeserver.prefix,
    (
        *HOMESERVER.endpoints,
        *ACCOUNTS,
        *(declared for module in _OWN for declared in module.ENDPOINTS),
    ),
)
"""For clients."""

SERVER_ENDPOINTS = (*keys.SERVER_ENDPOINTS, *openid.SERVER_ENDPOINTS)
"""For other servers; their paths are whole."""
