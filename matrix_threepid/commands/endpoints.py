"""Print the page of the documentation about a role's endpoints, as Markdown."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..openapi import endpoints_page
from .roles import ROLES, table_asked_for


def main(arguments: Sequence[str]) -> int:
    """Write the page to standard output."""
    table = table_asked_for("endpoints", __doc__, arguments)
    about = ("Endpoints of accounts", " --role accounts") if table is ROLES["accounts"] else ()
    sys.stdout.write(endpoints_page(table, *about))
    return 0
