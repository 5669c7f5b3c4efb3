"""The server's own endpoints, and the tables of all it offers: these and the library's."""

from matrix_threepid import Homeserver, IdentityServer
from matrix_threepid.endpoints import HOMESERVER, IDENTITY_SERVER, Table

from . import about, account, bindings, identity_account, keys, login, openid, register

_OWN = (about, register, login, account, openid, bindings)
TABLE = openid.ClientTable(
    Homeserver.prefix, (*HOMESERVER.endpoints, *(declared for module in _OWN for declared in module.ENDPOINTS))
)
"""For clients."""

IDENTITY_TABLE = Table(IdentityServer.prefix, (*IDENTITY_SERVER.endpoints, *identity_account.ENDPOINTS))
"""For the users of the identity server, and for homeservers that unbind."""

SERVER_ENDPOINTS = (*keys.SERVER_ENDPOINTS, *openid.SERVER_ENDPOINTS)
"""For other servers; their paths are whole."""
