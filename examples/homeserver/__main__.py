"""``python -m examples.homeserver demo [--serve]`` and ``python -m examples.homeserver serve --config FILE``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from matrix_threepid import ConfigurationError


def main() -> int:
    """Run the command; return the exit status: 0, 1 if the demo failed, 2 for a configuration that cannot work."""
    chosen = _parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return _serve(chosen.config) if chosen.command == "serve" else _demo(stay=chosen.serve)
    except ConfigurationError as error:
        print(f"examples.homeserver: {error}", file=sys.stderr)
        return 2


def _serve(file: Path) -> int:
    from .config import read_config

    os.umask(0o077)  # the database has the hashes of passwords
    config = read_config(file)

    from .server import serve

    serve(config)
    return 0


def _demo(*, stay: bool) -> int:
    from .demo import run

    return run(stay=stay)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.homeserver", description="A small account server.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="tell the whole story on embedded parts")
    demo.add_argument("--serve", action="store_true", help="stay up, with a page to click through")
    serving = commands.add_parser("serve", help="serve what a configuration file says")
    serving.add_argument("--config", type=Path, required=True, metavar="FILE", help="JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
