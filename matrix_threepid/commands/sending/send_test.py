"""What ``send-test-mail`` and ``send-test-sms`` have in common: one message, by the sender and rules users meet."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from ...model.email import canonical_email
from ...model.media import MEDIA
from ...model.message import Accepted
from ...model.msisdn import canonical_msisdn, plan_of
from ...model.threepid import Medium
from ...offload import run_sync
from ...policy import Policy
from ...protocol.errors import ConfigurationError, MatrixError
from ...roles.base import Role
from ..checking.findings import FINE, UNUSABLE, WRONG
from ..files.config_file import FORMS, described
from .one_message import in_words, message_to, text_of

_NOWHERE = "ZZ"
"""The country of numbers that are written internationally or not at all."""


class _Refused(Exception):
    """Users of this address would get nothing."""


def command(name: str, medium: Medium, about: str, arguments: Sequence[str]) -> int:
    """Run the command ``name`` for a medium; ``about``: for ``--help``. Returns the exit code."""
    given = _parser(name, about, "NUMBER" if MEDIA[medium].costs else "ADDRESS").parse_args(arguments)
    try:
        return run_sync(sent(described(given.config).role, medium, given.to, dry_run=given.dry_run))
    except ConfigurationError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return UNUSABLE


async def sent(role: Role, medium: Medium, address: str, *, dry_run: bool = False) -> int:
    """Send one message and print what came of it; return 0 if it was accepted, else 1.

    ``dry_run``: print it in place of sending it. Raises ``ConfigurationError`` without a sender.
    """
    if medium not in role.senders:
        raise ConfigurationError(f"no sender for {medium.value} is configured")
    try:
        recipient = _number(role.policy, address) if MEDIA[medium].costs else _mailbox(role.policy, address)
    except _Refused as refused:
        return _told(str(refused), WRONG)
    if dry_run:
        return _told(text_of(role.senders[medium], message_to(role, medium, recipient)), FINE)
    return await _sent(role, medium, recipient)


async def _sent(role: Role, medium: Medium, recipient: str) -> int:
    sender = role.senders[medium]
    check: Callable[[], Awaitable[str | None]] | None = getattr(sender, "check", None)
    trouble = await check() if check else None
    if trouble is not None:
        return _told(f"nothing was sent: {trouble}", WRONG)
    try:
        outcome = await sender.send(message_to(role, medium, recipient))
    finally:
        getattr(sender, "close", lambda: None)()
    return _told(in_words(outcome), FINE if isinstance(outcome, Accepted) else WRONG)


def _mailbox(policy: Policy, address: str) -> str:
    try:
        return canonical_email(address, intranet_domains=policy.intranet_domains).spelling
    except MatrixError:
        raise _Refused(f"{address} is no mail address") from None


def _number(policy: Policy, dialled: str) -> str:
    """Return the digits of a number, which may be written as in the only country that SMS go to."""
    rules = policy.sms
    country = next(iter(rules.countries)) if len(rules.countries) == 1 else _NOWHERE
    try:
        digits = canonical_msisdn(country, dialled).threepid.address
    except MatrixError:
        raise _Refused(f"{dialled} is no phone number; write it as +447700900001") from None
    plan = plan_of(digits)
    if not rules.reaches(plan):
        raise _Refused(f"users of this number would be refused: country {plan.region}, kind {plan.kind or 'usual'}")
    return digits


def _told(what: str, code: int) -> int:
    sys.stdout.write(f"{what.rstrip()}\n")
    return code


def _parser(name: str, about: str, kind: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m matrix_threepid {name}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help=FORMS)
    parser.add_argument("--to", required=True, metavar=kind, help="of your own")
    parser.add_argument("--dry-run", action="store_true", help="print the text, and send nothing")
    return parser
