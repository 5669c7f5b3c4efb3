"""``python -m matrix_threepid COMMAND``: the library's command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "check": ("commands.check", "say what is off in a host's wiring or in a configuration, and why"),
    "endpoints": ("commands.endpoints", "print the page of the docs about a role's endpoints"),
    "journeys": ("commands.journeys", "tell whole protocol stories to a homeserver, and say which go well"),
    "migrate": ("commands.migrate", "bring the tables in a database up to date, or check that they are"),
    "openapi": ("commands.openapi", "print the OpenAPI 3.1 document of a role's endpoints"),
    "send-test-mail": ("commands.send_test_mail", "send one mail as a configuration says, and say what came of it"),
    "send-test-sms": ("commands.send_test_sms", "send one SMS as a configuration says, and say what came of it"),
}
"""Name → module with ``main(arguments) -> exit code``, imported when it is asked for, and what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` (default: those of the process) name; return its exit code."""
    listed = "\n".join(f"  {name:<16}{about}" for name, (_, about) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m matrix_threepid",
        description=f"commands:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="--help after it tells more")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="what the command takes")
    given = parser.parse_args(arguments)
    module = import_module(f".{COMMANDS[given.command][0]}", __package__)
    code: int = module.main(given.arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
