"""Print the page of the documentation about a role's endpoints, as Markdown."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..openapi import endpoints_page
from .roles import ROLES, table_asked_for

_PAGES = {
    "accounts": ("Endpoints of accounts", " --role accounts"),
    "federation": ("Endpoints for other servers", " --role federation"),
}
"""Title and option of the pages of roles that are not the usual one."""


def main(arguments: Sequence[str]) -> int:
    """Write the page to standard output."""
    table = table_asked_for("endpoints", __doc__, arguments)
    about = next((named for role, named in _PAGES.items() if table is ROLES[role]), ())
    sys.stdout.write(endpoints_page(table, *about))
    return 0
