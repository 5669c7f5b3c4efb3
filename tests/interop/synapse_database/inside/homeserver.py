"""A real Synapse without listeners; its reactor runs in a thread, the tests in theirs."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from attrs import frozen
from synapse.app.homeserver import create_homeserver
from synapse.config.homeserver import HomeServerConfig
from synapse.logging.context import LoggingContext
from synapse.module_api import ModuleApi
from twisted.internet import defer, reactor
from twisted.internet.threads import blockingCallFromThread

from ...synapse import settings

T = TypeVar("T")

NAME = "hs.example.org"


@frozen
class Inside:
    """What a module is given, and a way to run what it does."""

    api: ModuleApi

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end as Synapse runs a request, from any thread but the reactor's."""
        result: T = _on_reactor(lambda: defer.ensureDeferred(_as_request(coroutine)))
        return result


@contextmanager
def homeserver(folder: Path, database: Mapping[str, Any]) -> Iterator[Inside]:
    """Give a Synapse whose files are in ``folder``; ``database``: that part of its configuration."""
    config = folder / "homeserver.yaml"
    more = {"server_name": NAME, "listeners": [], "database": database}
    config.write_text(json.dumps({**settings(folder, 0, 0, {"chain": folder, "key": folder}), **more}))
    running = Thread(target=reactor.run, kwargs={"installSignalHandlers": False})
    running.start()
    try:
        yield Inside(_on_reactor(lambda: _api(str(config))))
    finally:
        reactor.callFromThread(reactor.stop)
        running.join()


def _api(config: str) -> ModuleApi:
    HomeServerConfig.load_or_generate_config("", ["-c", config, "--generate-keys"])
    synapse = create_homeserver(HomeServerConfig.load_config("", ["-c", config]))
    synapse.setup()
    return synapse.get_module_api()


async def _as_request(coroutine: Coroutine[Any, Any, T]) -> T:
    with LoggingContext(name="test", server_name=NAME):
        return await coroutine


def _on_reactor(call: Callable[[], Any]) -> Any:
    return blockingCallFromThread(reactor, call)
