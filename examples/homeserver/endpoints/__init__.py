"""The server's own endpoints, and the table of all it offers: these and the library's."""

from matrix_threepid import Homeserver
from matrix_threepid.endpoints import HOMESERVER
from matrix_threepid.protocol.endpoint import Table

from . import about, account, login, register

OWN = (*about.ENDPOINTS, *register.ENDPOINTS, *login.ENDPOINTS, *account.ENDPOINTS)
TABLE = Table(Homeserver.prefix, (*HOMESERVER.endpoints, *OWN))
