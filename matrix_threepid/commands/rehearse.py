"""Rehearse attacks on a configuration in virtual time, and print what came of each.

The engine of the library runs over stores in memory with the policy of the file; nothing is sent. For each attack the
table has the messages that were sent, the price of the SMS, how many of a hundred honest users got through who asked
among the attackers (those logged in, and the others), and how long the last of them waited.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..protocol.errors import ConfigurationError
from ..rehearsal.attacks import CATALOGUE
from ..rehearsal.report import as_json, as_table, rehearse
from .checking.findings import UNUSABLE
from .files.config_file import FORMS, described


def main(arguments: Sequence[str]) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m matrix_threepid rehearse",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, metavar="FILE", required=True, help=FORMS)
    parser.add_argument("--seed", type=int, default=1, help="equal seeds give equal figures; default: %(default)s")
    parser.add_argument("--price", type=float, default=0.05, help="the price of an SMS; default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    given = parser.parse_args(arguments)
    try:
        policy = described(given.config).role.policy
    except ConfigurationError as error:
        sys.stderr.write(f"rehearse: {error}\n")
        return UNUSABLE
    figures = list(rehearse(policy, given.seed, given.price, CATALOGUE, at_once=2))
    sys.stdout.write(as_json(figures) if given.json else as_table(figures))
    return 0
