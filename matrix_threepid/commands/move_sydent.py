"""Move a Sydent's associations, pepper, access tokens, accepted terms and invitations to the identity server of a file.

Sydent's database is read only. Running the command again moves what was added since. The exit code is 0; 1 if addresses
had two users or rows could not be moved, which are listed; 2 if a file or database cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..model.threepid import masked
from ..protocol.errors import ConfigurationError, Unavailable
from ..roles.identity_server import IdentityServer
from ..settings import read_file
from ..settings.documents import FORMATS
from .checking.findings import FINE, UNUSABLE
from .moving.source import sydent_at
from .moving.sydent import Left, Moved, Moving
from .serving.settings import ServeSettings

_LEFT = 1


def main(arguments: Sequence[str]) -> int:
    """Move everything, say what was moved and what was not; return the exit code."""
    given = _parser().parse_args(arguments)
    os.umask(0o077)  # databases and the list are for the user of this process only
    try:
        settings = read_file(ServeSettings, given.config)
        moved = asyncio.run(_moved(settings, given.source))
        if given.list is not None:
            _write(given.list, moved.left)
    except (ConfigurationError, Unavailable, OSError) as error:
        sys.stderr.write(f"matrix-threepid move-sydent: {error}\n")
        return UNUSABLE
    sys.stdout.write(_said(moved))
    return _LEFT if moved.left else FINE


async def _moved(settings: ServeSettings, source: str) -> Moved:
    from .serving.parts import opened

    if settings.identity_server is None:
        raise ConfigurationError("identity_server: has to be there")
    with sydent_at(source) as sydent:
        async with opened(settings) as served:
            role = None if served.identity_server is None else served.identity_server.role
            if not isinstance(role, IdentityServer):
                raise ConfigurationError("identity_server: has to be there")
            return await Moving(role, sydent).all()


def _said(moved: Moved) -> str:
    lines = [
        f"associations moved: {moved.associations}; ended or expired ones left out: {moved.ended}",
        f"pepper of look-ups: {moved.pepper}",
        f"access tokens moved: {moved.tokens}",
        f"accepted documents moved: {moved.acceptances}; of other documents: {moved.other_documents}",
        f"invitations moved: {moved.invitations}; too old or of no address: {moved.old_invitations}",
        f"not moved or with two users: {len(moved.left)}",
        *(f"  {each.why}: {each.row.medium} {masked(each.row.address)}" for each in moved.left[:_SHOWN]),
    ]
    if len(moved.left) > _SHOWN:
        lines.append(f"  and {len(moved.left) - _SHOWN} more; --list writes all of them to a file")
    return "\n".join((*lines, ""))


_SHOWN = 20


def _write(file: Path, left: Sequence[Left]) -> None:
    """Write what was left, a JSON object a line, with whole addresses."""
    with file.open("w", encoding="utf-8") as out:
        for each in left:
            row = {"medium": each.row.medium, "address": each.row.address, "mxid": each.row.mxid, "ts": each.row.ts}
            out.write(json.dumps({"why": each.why, **row, "kept": each.kept or None}) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m matrix_threepid move-sydent", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help=FORMATS)
    parser.add_argument(
        "--from", dest="source", required=True, metavar="URL", help="sqlite:///FILE or postgresql://… of Sydent"
    )
    parser.add_argument("--list", type=Path, metavar="FILE", help="write what was not moved there, addresses included")
    return parser
