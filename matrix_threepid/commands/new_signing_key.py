"""Print a new signing key in Synapse's format, ``ed25519 ID BASE64SEED``, for ``signing_key_file``."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence

from ..protocol.errors import ConfigurationError


def main(arguments: Sequence[str]) -> int:
    """Print it; return 0, or 2 without the extra ``signing``."""
    argparse.ArgumentParser(prog="python -m matrix_threepid new-signing-key", description=__doc__).parse_args(arguments)
    try:
        from ..identity import new_signing_key

        key = new_signing_key(f"a_{secrets.token_hex(3)}")
    except ConfigurationError as error:
        sys.stderr.write(f"matrix-threepid new-signing-key: {error}\n")
        return 2
    sys.stdout.write(key.text())
    return 0
