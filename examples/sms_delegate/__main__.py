"""``python -m examples.sms_delegate serve --config FILE`` and ``… self-test --config FILE --to NUMBER``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

from matrix_threepid import ConfigurationError

from .config import Config, read_config


def main() -> int:
    """Run the command; return the exit status: 0, 1 if no SMS went out, 2 for a configuration that cannot work."""
    chosen = _parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    work: Callable[..., Coroutine[Any, Any, int]] = _serve if chosen.command == "serve" else _self_test
    try:
        return asyncio.run(work(read_config(chosen.config), *([chosen.to] if "to" in chosen else [])))
    except ConfigurationError as error:
        print(f"examples.sms_delegate: {error}", file=sys.stderr)
        return 2


async def _serve(config: Config) -> int:
    import uvicorn

    from matrix_threepid import Service
    from matrix_threepid.hosts import UvicornHttp, keep_house, listener
    from matrix_threepid.stores import Sqlite, migrate

    from .app import application, delegate

    os.umask(0o077)  # the database has the numbers of people
    with closing(Sqlite(config.database)) as db:
        await migrate(db)
        service = Service(delegate(config, db))
        app = application(service, config.secret_path)
        options = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", http=UvicornHttp)
        chores = asyncio.create_task(keep_house(service))
        try:
            with listener(*config.address) as listening:
                print(f"listening on port {listening.getsockname()[1]}", flush=True)
                await uvicorn.Server(options).serve([listening])
        finally:
            chores.cancel()
    return 0


async def _self_test(config: Config, number: str) -> int:
    from .self_test import self_test

    return await self_test(config, number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.sms_delegate", description="SMS for Synapse.")
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="answer Synapse")
    testing = commands.add_parser("self-test", help="look at the account, and send one SMS")
    for command in (serving, testing):
        command.add_argument("--config", type=Path, required=True, metavar="FILE", help="JSON")
    testing.add_argument("--to", required=True, metavar="NUMBER", help="such as +447700900001")
    return parser


if __name__ == "__main__":
    sys.exit(main())
