"""Print a new secret: 32 random bytes as URL-safe text, for a secret path or a token."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Print it; return 0."""
    argparse.ArgumentParser(prog="python -m matrix_threepid new-secret", description=__doc__).parse_args(arguments)
    sys.stdout.write(f"{secrets.token_urlsafe(32)}\n")
    return 0
