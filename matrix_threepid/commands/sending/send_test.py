"""What ``send-test-mail`` and ``send-test-sms`` share: one message, by the rules and the sender for users."""

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
"""The country of a number that has no country of its own."""


class _Refused(Exception):
    """Raised for an address to which users would get no message."""


def command(name: str, medium: Medium, about: str, arguments: Sequence[str]) -> int:
    """Run the command of a medium; return the exit code.

    * ``name``: the name of the command.
    * ``medium``: the medium.
    * ``about``: the description for ``--help``.
    * ``arguments``: the arguments of the command line.
    """
    given = _parser(name, about, "NUMBER" if MEDIA[medium].costs else "ADDRESS").parse_args(arguments)
    try:
        return run_sync(sent(described(given.config).role, medium, given.to, dry_run=given.dry_run))
    except ConfigurationError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return UNUSABLE


async def sent(role: Role, medium: Medium, address: str, *, dry_run: bool = False) -> int:
    """Send one message and print its outcome; return 0 if it was accepted, else 1.

    * ``dry_run``: print the message and do not send it.

    Raises ``ConfigurationError`` without a sender.
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
    """Return the digits of a number. With a single allowed country it may be written as in that country."""
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
