"""What the examples beside this file share: where to listen, and the account server to mount there."""

from __future__ import annotations

import asyncio
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from attrs import evolve

from examples.homeserver.app import senders_of
from examples.homeserver.config import Config, read_config
from examples.homeserver.house import House, housed
from matrix_threepid import Medium
from matrix_threepid.senders import ConsoleSender


def configured(about: str | None) -> Config:
    """Return the configuration the command line asks for; without ``--config`` mails go to the terminal."""
    parser = ArgumentParser(description=about)
    parser.add_argument("--config", type=Path, metavar="FILE", help="JSON, as for examples.homeserver")
    parser.add_argument("--port", type=int, help="in place of the configured one; 0 takes a free one")
    chosen = parser.parse_args()
    config = read_config(chosen.config) if chosen.config else Config(listen="127.0.0.1:8008", server_name="example.org")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    return config if chosen.port is None else evolve(config, listen=f"{config.address[0]}:{chosen.port}")


def tell(config: Config, port: int) -> None:
    """Say that clients may come."""
    print(f"listening on http://{config.address[0]}:{port}", flush=True)


def account_server(config: Config, port: int) -> AbstractAsyncContextManager[House]:
    """Return the server, its database open and its house in order while the block runs in an asyncio loop."""
    return housed(config, port, senders_of(config) or {Medium.EMAIL: ConsoleSender()})


@contextmanager
def in_background(config: Config, port: int) -> Iterator[tuple[House, Callable[[Coroutine[Any, Any, Any]], Any]]]:
    """Do the same beside a server of threads; gives what runs a coroutine in the loop, too."""
    loop, stack = asyncio.new_event_loop(), AsyncExitStack()
    thread = Thread(target=loop.run_forever)

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    thread.start()
    try:
        yield run(stack.enter_async_context(account_server(config, port))), run
    finally:
        run(stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
