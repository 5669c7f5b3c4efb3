"""``python -m matrix_threepid COMMAND``: the library's command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from ._version import __version__

COMMANDS = {
    "admin": ("commands.admin", "do by hand what administrators may do, written to the audit before"),
    "check": ("commands.check", "print what is off or wrong in a host's wiring or configuration file"),
    "dsn": ("commands.dsn", "record what a mail server reports of a mail, from standard input"),
    "endpoints": ("commands.endpoints", "print the page of the documentation about a role's endpoints"),
    "explain": ("commands.explain", "explain why a message did not come: an address, a number, a session, a user"),
    "journeys": ("commands.journeys", "run journeys against a homeserver over HTTP, and print which pass"),
    "migrate": ("commands.migrate", "create or migrate the tables in a database, or check them"),
    "move-sydent": ("commands.move_sydent", "move what a Sydent publishes and knows to an identity server"),
    "new-secret": ("commands.new_secret", "print a new secret, for a secret path or a token"),
    "new-signing-key": ("commands.new_signing_key", "print a new signing key in Synapse's format"),
    "openapi": ("commands.openapi", "print the OpenAPI 3.1 document of a role's endpoints"),
    "preview": ("commands.preview", "write every mail, page and SMS in every language as files to look at"),
    "rehearse": ("commands.rehearse", "rehearse attacks on a configuration, and print what came of each"),
    "send-test-mail": (
        "commands.send_test_mail",
        "send one mail through the configured mail server",
    ),
    "send-test-sms": ("commands.send_test_sms", "send one SMS through the configured provider"),
    "serve": ("commands.serve", "run the SMS delegate, the identity server, or both"),
    "synapse": (
        "commands.synapse",
        "carry the tables of the module for Synapse to another database, or list the unbinds that are due",
    ),
}
"""By name: a module with ``main(arguments) -> exit code``, imported when the command runs; a line for ``--help``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` (default: those of the process) name; return its exit code."""
    listed = "\n".join(f"  {name:<16}{about}" for name, (_, about) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m matrix_threepid",
        description=f"commands:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"matrix-threepid {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="--help after it tells more")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="what the command takes")
    given = parser.parse_args(arguments)
    module = import_module(f".{COMMANDS[given.command][0]}", __package__)
    code: int = module.main(given.arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
