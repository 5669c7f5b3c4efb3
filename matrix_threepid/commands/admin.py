"""Do by hand what administrators may do: look at sessions and bindings, send again, cancel, confirm, lift, erase.

What is done is written to the audit before, with --reason. The exit code is 0, 1 if it was refused, 2 if the
configuration or its database cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ..administration.desk import Administration
from ..protocol.errors import ConfigurationError, MatrixError, Unavailable
from ..protocol.message import write
from .checking.findings import FINE, UNUSABLE, WRONG
from .operating.operated import Operated, add_options, operated, sids_last

Deed = Callable[[Administration, argparse.Namespace, str], Awaitable[object]]


def _look(method: Callable[..., Awaitable[object]]) -> Deed:
    return lambda desk, given, actor: method(desk, given.what, actor=actor)


def _deed(method: Callable[..., Awaitable[object]]) -> Deed:
    return lambda desk, given, actor: method(desk, given.what, actor=actor, reason=given.reason)


_LOOKS: dict[str, tuple[str, str, Deed]] = {
    "sessions": (
        "WHAT",
        "list the open sessions of an address, a number or a user, or show one by its sid",
        _look(Administration.sessions),
    ),
    "messages": (
        "WHAT",
        "list the messages of a session or to an address, with what became of each",
        _look(Administration.messages),
    ),
    "suppressions": (
        "WHAT",
        "list what is held against an address; all for the first 100",
        lambda desk, given, actor: desk.suppressions(None if given.what == "all" else given.what, actor=actor),
    ),
    "bindings": (
        "USER",
        "list where the addresses of a user are published, or may be",
        _look(Administration.bindings),
    ),
}
_DEEDS: dict[str, tuple[str, str, Deed]] = {
    "send-again": ("SID", "send the message of a session once more", _deed(Administration.send_again)),
    "cancel": ("SID", "end a session", _deed(Administration.cancel)),
    "confirm": (
        "SID",
        "confirm a session by hand, as if its link had been used; all who are concerned are told by mail",
        _deed(Administration.confirm),
    ),
    "lift-limits": (
        "WHAT",
        "forget what an address, a number or a user has used of its limits",
        _deed(Administration.lift_limits),
    ),
    "lift-suppression": (
        "WHAT",
        "forget that messages to an address came back or were called spam",
        _deed(Administration.lift_suppression),
    ),
    "unbind": (
        "USER",
        "unbind what is published of a user, or with --address only that",
        lambda desk, given, actor: desk.unbind(given.what, given.address, actor=actor, reason=given.reason),
    ),
    "export": ("USER", "print everything that is stored about a user, as JSON", _deed(Administration.export)),
    "erase": ("USER", "unbind, remove and delete what is stored about a user", _deed(Administration.erase)),
}
"""By name: what the argument is, a line for ``--help``, and the method."""


def main(arguments: Sequence[str]) -> int:
    """Do what is asked and print what came of it; return the exit code."""
    given = _parser().parse_args(sids_last(arguments))
    try:
        found = asyncio.run(_done(given))
    except (ConfigurationError, Unavailable) as error:
        sys.stderr.write(f"admin {given.command}: {error}\n")
        return UNUSABLE
    except MatrixError as error:
        sys.stderr.write(f"admin {given.command}: {error}\n")
        return WRONG
    sys.stdout.write(json.dumps(_plain(found), indent=2) + "\n" if found is not None else "done\n")
    return FINE


async def _done(given: argparse.Namespace) -> object:
    async with operated(given) as roles:
        one = _chosen(roles, given.role)
        if not one.acts and given.command in _DEEDS:
            raise ConfigurationError(
                "only Synapse itself changes its accounts: call the endpoints of administration_path"
            )
        if one.audit is None:
            raise ConfigurationError("the host has no audit: give SqlAudit(...) to its Listeners")
        _, _, deed = (_LOOKS | _DEEDS)[given.command]
        found = await deed(Administration(role=one.role, audit=one.audit), given, f"shell {getpass.getuser()}")
        await one.close()
        return found


def _chosen(roles: Sequence[Operated], name: str | None) -> Operated:
    if len(roles) == 1 and name is None:
        return roles[0]
    found = [each for each in roles if each.name == name]
    if not found:
        names = ", ".join(each.name for each in roles)
        raise ConfigurationError(f"--role: must be one of {names}")
    return found[0]


def _plain(found: object) -> Any:
    if isinstance(found, list | tuple):
        return [write(each) for each in found]
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m matrix_threepid admin",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, dest="command", metavar="DEED")
    for name, (what, about, _) in (_LOOKS | _DEEDS).items():
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("what", metavar=what)
        add_options(command)
        command.add_argument("--role", metavar="ROLE", help="which role of a file with two: Delegate, IdentityServer")
        if name in _DEEDS:
            command.add_argument("--reason", required=True, metavar="TEXT", help="why, for the audit")
        if name == "unbind":
            command.add_argument("--address", metavar="ADDRESS", help="only this address or number")
    return parser
