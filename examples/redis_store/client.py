"""Clients that say so when they do not know whether a write has happened, and how they are called."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from redis import Redis, asyncio, exceptions
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from matrix_threepid.errors import Unavailable

Client = Redis | asyncio.Redis
PREFIX = "{threepid}:"
"""What all keys begin with; the braces keep them on one node of a cluster."""
_OPTIONS: dict[str, Any] = {"decode_responses": True, "socket_timeout": 5, "health_check_interval": 15}
_TROUBLES = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.MasterDownError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
)
_REFUSALS = ("BUSY ", "MISCONF ", "NOREPLICAS ")
"""How errors begin for which the client has no class."""


def for_asyncio(url: str) -> asyncio.Redis:
    """Return a client for a host on asyncio; it belongs to the loop that uses it first."""
    return asyncio.Redis.from_url(url, retry=AsyncRetry(NoBackoff(), 0), **_OPTIONS)


def for_threads(url: str) -> Redis:
    """Return a client for a host of threads. Neither repeats a command: it may have been done."""
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0), **_OPTIONS)


async def ask(command: Callable[..., Any], *arguments: Any) -> Any:
    """Return the answer of either client. Raises ``Unavailable`` if there is none, or the server cannot write."""
    try:
        answer = command(*arguments)
        return await answer if isawaitable(answer) else answer
    except exceptions.RedisError as error:
        if isinstance(error, _TROUBLES) or str(error).startswith(_REFUSALS):
            raise Unavailable from error
        raise
