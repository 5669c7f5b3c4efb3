"""Send one SMS through the provider that a configuration names, if its rules allow the number, and print the outcome.

The exit code is 0 if it was accepted, 1 if not, 2 if the configuration cannot be used.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.threepid import Medium
from .sending.send_test import command


def main(arguments: Sequence[str]) -> int:
    """Send, or print with ``--dry-run``; return the exit code."""
    return command("send-test-sms", Medium.MSISDN, __doc__ or "", arguments)
