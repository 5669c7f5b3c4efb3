"""Explain why a message did not come: what happened to an address, a number, a session or a user, and what would now.

Nothing is charged, sent or changed; a line is written to the audit. Addresses are masked, and no secret is shown. The
exit code is 0, 1 if WHAT is none of these, 2 if the configuration or its database cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Sequence

from ..explaining.explain import explain
from ..explaining.explanation import Explanation
from ..protocol.errors import ConfigurationError, InvalidParam, Unavailable
from .checking.findings import FINE, UNUSABLE, WRONG
from .operating.operated import add_options, operated, sids_last


def main(arguments: Sequence[str]) -> int:
    """Print the explanation; return the exit code."""
    given = _parser().parse_args(sids_last(arguments))
    try:
        found = asyncio.run(_explained(given))
    except InvalidParam as error:
        sys.stderr.write(f"explain: {error}\n")
        return WRONG
    except (ConfigurationError, Unavailable) as error:
        sys.stderr.write(f"explain: {error}\n")
        return UNUSABLE
    sys.stdout.write(_as_json(found) if given.json else _as_text(found))
    return FINE


async def _explained(given: argparse.Namespace) -> list[tuple[str, Explanation]]:
    async with operated(given) as roles:
        return [
            (each.name, await explain(each.role, given.what, actor=f"shell {getpass.getuser()}", audit=each.audit))
            for each in roles
        ]


def _as_text(found: Sequence[tuple[str, Explanation]]) -> str:
    return "\n".join(f"{name}: {each.text}" for name, each in found)


def _as_json(found: Sequence[tuple[str, Explanation]]) -> str:
    return json.dumps([{"role": name, **json.loads(each.json)} for name, each in found], indent=2) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m matrix_threepid explain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", metavar="WHAT", help="an address, a number, the sid of a session, or @user:server")
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser
