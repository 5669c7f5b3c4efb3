"""Check a host's wiring or a configuration file, and print what is off or wrong, with the reasons.

The exit code is 0 if nothing is wrong, 1 if something is, 2 if the wiring or the file cannot be read or built.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..protocol.errors import ConfigurationError
from ..roles.base import Role
from .checking.choices import of_policy
from .checking.databases import of_databases
from .checking.findings import UNUSABLE, Finding, Report
from .checking.loading import loaded
from .checking.online import LOOPS, of_providers
from .checking.wiring import of_service, of_ways
from .files.config_file import FORMS, described


def main(arguments: Sequence[str]) -> int:
    """Print the findings; return the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if (given.host is None) is (given.config is None):
        parser.error("give either MODULE:NAME or --config FILE")
    try:
        report = Report(_found(given))
    except ConfigurationError as error:
        sys.stderr.write(f"check: {error}\n")
        return UNUSABLE
    sys.stdout.write(report.json if given.json else report.text)
    return report.status(strict=given.strict)


def _found(given: argparse.Namespace) -> Iterator[Finding]:
    role: Role
    if given.host is not None:
        service = loaded(given.host)
        role = service.role
        yield from of_service(service)
        yield from of_databases(role, given.loop)
        yield from of_policy(role)
    else:
        file = described(given.config)
        role = file.role
        yield from (*of_ways(role), *file.findings, *of_policy(role))
    if given.online:
        yield from of_providers(role, given.loop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m matrix_threepid check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    host = "a Homeserver, Delegate, IdentityServer or Service, or a callable that returns one"
    parser.add_argument("host", nargs="?", metavar="MODULE:NAME", help=host)
    parser.add_argument("--config", type=Path, metavar="FILE", help=FORMS)
    parser.add_argument("--online", action="store_true", help="log in to mail servers and providers; nothing is sent")
    parser.add_argument(
        "--loop", choices=LOOPS, default="asyncio", help="for --online and databases; default: %(default)s"
    )
    parser.add_argument("--strict", action="store_true", help="count what is not for production as wrong")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser
