"""Run the SMS delegate for Synapse, the identity server, or both, as a configuration file says.

The exit code is 0 when it was stopped, and 2 if the configuration cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ..hosts import listener
from ..protocol.errors import ConfigurationError
from ..settings import read_file
from ..settings.documents import FORMATS
from .checking.findings import FINE, UNUSABLE
from .serving.logging_setup import set_up
from .serving.settings import ServeSettings, address_of


def main(arguments: Sequence[str]) -> int:
    """Serve, or check with ``--check``; return the exit code."""
    given = _parser().parse_args(arguments)
    os.umask(0o077)  # databases and secrets are for the user of this process only
    try:
        settings = read_file(ServeSettings, given.config, strict=given.strict)
        set_up(settings.log)
        if given.check:
            return asyncio.run(_checked(settings))
        _serve(settings, given.config, given.inherit)
    except ConfigurationError as error:
        sys.stderr.write(f"matrix-threepid serve: {error}\n")
        return UNUSABLE
    return FINE


async def _checked(settings: ServeSettings) -> int:
    """Make every part and open the databases, as serving does, and say what is on."""
    from .serving.parts import opened

    async with opened(settings) as served:
        problems = await served.problems()
        for problem in problems:
            sys.stderr.write(f"matrix-threepid serve: {problem}\n")
        for service in served.services:
            media = ", ".join(
                medium.value for medium in service.role.senders if service.role.medium_off(medium) is None
            )
            sys.stdout.write(f"{type(service.role).__name__.removeprefix('Served')}: {media}\n")
    return UNUSABLE if problems else FINE


def _serve(settings: ServeSettings, file: Path, inherit: int | None) -> None:
    from .serving.running import serve
    from .serving.workers import workers

    with ExitStack() as stack:
        if inherit is not None:
            asyncio.run(serve(settings, stack.enter_context(socket.socket(fileno=inherit)), None))
            return
        listening = stack.enter_context(listener(*address_of(settings.listen)))
        observing = None if settings.observe is None else stack.enter_context(listener(*address_of(settings.observe)))
        for name, each in (("listening", listening), ("observed", observing)):
            if each is not None:
                sys.stdout.write(f"{name} on port {each.getsockname()[1]}\n")
        sys.stdout.flush()
        if settings.workers == 1:
            asyncio.run(serve(settings, listening, observing))
            return
        stack.enter_context(workers(settings, file, listening))
        asyncio.run(serve(settings, None, observing))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m matrix_threepid serve", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help=FORMATS)
    parser.add_argument("--check", action="store_true", help="open everything, say what is on, and end")
    parser.add_argument("--strict", action="store_true", help="refuse files with secrets that everyone can read")
    parser.add_argument("--inherit", type=int, metavar="FD", help=argparse.SUPPRESS)
    return parser
