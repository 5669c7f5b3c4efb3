"""Record what a mail server reports of a mail: read a delivery status notification or a complaint from standard input.

For a mail server's pipe, or fetchmail. The exit code is 0 also for a mail that is no report, or none about a message of
this server: to return it would send mails to whoever its sender was made up to be. It is 75 if the database or the
configuration cannot be used, so that the mail server keeps the mail and tries again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from ..callbacks.dsn import MAX_MAIL, events_of_mail
from ..callbacks.provider import Unreadable
from ..flows.delivery import record_delivery
from ..protocol.errors import ConfigurationError, Unavailable
from .operating.operated import add_options, operated

AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: the mail server keeps the mail."""


def main(arguments: Sequence[str]) -> int:
    """Read a mail and record what it reports; return the exit code."""
    given = _parser().parse_args(arguments)
    raw = sys.stdin.buffer.read(MAX_MAIL)
    while sys.stdin.buffer.read(MAX_MAIL):
        pass  # to the end, since a mail server takes a closed pipe for a failure
    try:
        said = asyncio.run(_recorded(given, raw))
    except Unreadable:
        said = ["this mail is no report"]
    except (ConfigurationError, Unavailable) as error:
        sys.stderr.write(f"dsn: {error}\n")
        return AGAIN
    sys.stdout.write("".join(f"{line}\n" for line in said))
    return 0


async def _recorded(given: argparse.Namespace, raw: bytes) -> list[str]:
    said = []
    async with operated(given) as roles:
        for each in roles:
            role = each.role
            for event in events_of_mail(role.peppers, raw, role.clock(), given.recipient):
                new = await record_delivery(role, event)
                said.append(f"{event.status.value} {event.reason}".strip() + ("" if new else ": known, or too old"))
    return said or ["nothing about a message of this server"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m matrix_threepid dsn",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.add_argument("--recipient", metavar="ADDRESS", help="where the mail was delivered; else read from the mail")
    return parser
