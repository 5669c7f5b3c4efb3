"""``python -m tests.bench.http.example CONFIG``: the example homeserver with password hashes that cost next to nothing.

A password hash is slow on purpose, and each server chooses its own; all servers of the benchmark use cheap ones, so
that it shows what the rest of a request costs.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from examples.homeserver import passwords
from examples.homeserver.config import read_config
from examples.homeserver.server import serve

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    passwords._COST = 16
    serve(read_config(Path(sys.argv[1])))
