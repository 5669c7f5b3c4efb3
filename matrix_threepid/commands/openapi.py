"""Print the OpenAPI 3.1 document of a role's endpoints, as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from ..openapi import document
from .roles import table_asked_for


def main(arguments: Sequence[str]) -> int:
    """Write the document to standard output."""
    table = table_asked_for("openapi", __doc__, arguments)
    json.dump(document(table), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0
