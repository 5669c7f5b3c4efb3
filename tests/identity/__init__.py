"""Identity servers, seen from a homeserver: over TLS on loopback, and in memory."""

from typing import Any

import data


def load(name: str) -> Any:
    """Return what ``data/<name>.json`` of this folder holds."""
    return data.load(f"../identity/data/{name}")
