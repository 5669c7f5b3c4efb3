"""The option ``--role`` of commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..accounts import ACCOUNTS
from ..endpoints.tables import DELEGATE, FEDERATION, HOMESERVER, IDENTITY_SERVER
from ..protocol.endpoint import Table
from ..roles.homeserver import Homeserver

ROLES = {
    "homeserver": HOMESERVER,
    "accounts": Table(Homeserver.prefix, ACCOUNTS),
    "federation": FEDERATION,
    "identity-server": IDENTITY_SERVER,
    "delegate": DELEGATE,
}
"""The tables of endpoints by the name of their role; ``accounts``: what a homeserver with a ``keeper`` has besides;
``federation``: what it has for identity servers and other homeservers."""


def table_asked_for(command: str, about: str, arguments: Sequence[str]) -> Table:
    """Return the table of endpoints that ``--role`` names.

    * ``command``: the name of the command, for ``--help``.
    * ``about``: its description, for ``--help``.
    * ``arguments``: the arguments of the command line.
    """
    parser = argparse.ArgumentParser(prog=f"python -m matrix_threepid {command}", description=about)
    parser.add_argument("--role", choices=ROLES, default="homeserver", help="default: %(default)s")
    return ROLES[parser.parse_args(arguments).role]
