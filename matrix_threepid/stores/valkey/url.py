"""``open_valkey``: opens the server or cluster that a URL in a configuration file or on a command line names."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import field, frozen

from ...protocol.errors import ConfigurationError

if TYPE_CHECKING:
    from .connection import Valkey

_SCHEMES = {"valkey": False, "redis": False, "valkeys": True, "rediss": True}
"""The schemes of a URL, and whether the connection is TLS."""
_FORM = "valkey://HOST[:PORT][,HOST[:PORT]…][/NUMBER]"
_PORT = 6379
# The s to wait for a server to accept a connection, and to answer.
_CONNECT, _ANSWER = 2, 3
# To each server; requests beyond wait.
_CONNECTIONS = 32


@frozen
class _Place:
    """What a URL says."""

    hosts: tuple[tuple[str, int], ...]
    options: dict[str, Any] = field(repr=False)
    number: int
    more: dict[str, Any]


def open_valkey(url: str) -> AbstractAsyncContextManager[Valkey]:
    """Return an async context manager that opens a server of Valkey or Redis, or a cluster, for asyncio.

    * ``url``: ``valkey://HOST:PORT/NUMBER``, with ``USER:PASSWORD@`` before the host; ``valkeys`` for TLS; ``redis``
      and ``rediss`` mean the same. Of a cluster, several hosts separated by commas, any of its nodes, and no number.
      Parameters are ``partitions``, ``prefix`` and ``durable`` (``on`` or ``off``), as ``Valkey`` has them; with TLS
      also ``ca_file``, the certificates of the authorities that are trusted in place of those of the machine.

    Raises ``ConfigurationError`` if no server answers, refuses the login, or would drop keys when its memory is full.
    Its text does not hold the URL, which may hold a password.
    """
    return _opened(_read(url))


def _read(url: object) -> _Place:
    """Return what a URL says. Raises ``ConfigurationError``."""
    if not isinstance(url, str):
        raise ConfigurationError(f"valkey: must be {_FORM}")
    try:
        parts = urlsplit(url)
        login, _, hosts = parts.netloc.rpartition("@")
        places = tuple(_host(each) for each in hosts.split(","))
        number = int(parts.path.strip("/") or 0)
        given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ConfigurationError(f"valkey: must be {_FORM}") from None
    if parts.scheme not in _SCHEMES or number < 0:
        raise ConfigurationError(f"valkey: must be {_FORM}")
    options: dict[str, Any] = {"ssl": True} if _SCHEMES[parts.scheme] else {}
    if login:
        user, _, password = login.partition(":")
        options |= {"username": unquote(user) or None, "password": unquote(password)}
    if (authorities := given.pop("ca_file", None)) is not None:
        if not options.get("ssl") or not Path(authorities).is_file():
            raise ConfigurationError("valkey: ca_file must be a file, and needs valkeys://")
        options["ssl_ca_certs"] = authorities
    return _Place(places, options, number, _more(given))


def _host(text: str) -> tuple[str, int]:
    place = urlsplit(f"//{text}")
    if not place.hostname:
        raise ValueError
    return place.hostname, place.port or _PORT


def _more(given: dict[str, str]) -> dict[str, Any]:
    """Return the arguments of ``Valkey`` that parameters say. Raises ``ConfigurationError``."""
    if unknown := sorted(set(given) - {"partitions", "prefix", "durable"}):
        known = "ca_file, durable, partitions and prefix"
        raise ConfigurationError(f"valkey: unknown parameter {unknown[0]}; known are {known}")
    more: dict[str, Any] = {}
    if "partitions" in given:
        if not given["partitions"].isascii() or not given["partitions"].isdigit():
            raise ConfigurationError("valkey: partitions must be a whole number")
        more["partitions"] = int(given["partitions"])
    if "prefix" in given:
        more["prefix"] = given["prefix"]
    if "durable" in given:
        if given["durable"] not in ("on", "off"):
            raise ConfigurationError("valkey: durable must be on or off")
        more["durable"] = given["durable"] == "on"
    return more


@asynccontextmanager
async def _opened(place: _Place) -> AsyncIterator[Valkey]:
    try:
        import redis.asyncio as _  # noqa: F401  asked for, so that the message names the remedy
    except ImportError:
        raise ConfigurationError("valkey: needs the extra matrix-threepid[valkey]") from None
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.connection import Connection, SSLConnection
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    from .connection import Valkey
    from .nodes import Cluster, Place, Server, Servers

    # A command whose answer was lost may have been done: repeated, a charge would count twice.
    once: dict[str, Any] = {
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        "protocol": 2,  # the third one asks each connection for notifications that these servers do not know
        "socket_timeout": _ANSWER,
        "socket_connect_timeout": _CONNECT,
    }
    clustered = await _looked_at(place, once)
    if clustered and place.number:
        raise ConfigurationError("valkey: a cluster has no numbered databases; leave the number out, and set prefix")
    login = {name: value for name, value in place.options.items() if name != "ssl"}

    def client_of(server: Place) -> Redis:
        pool = BlockingConnectionPool(
            connection_class=SSLConnection if "ssl" in place.options else Connection,
            host=server[0],
            port=server[1],
            db=place.number,
            max_connections=_CONNECTIONS,
            timeout=_ANSWER,
            **login,
            **once,
        )
        return Redis.from_pool(pool)

    servers: Servers = Cluster(place.hosts, client_of) if clustered else Server(client_of(place.hosts[0]))
    try:
        yield Valkey(servers, **place.more)
    finally:
        await servers.aclose()


async def _looked_at(place: _Place, once: dict[str, Any]) -> bool:
    """Return whether the first server that answers is a node of a cluster. Raises ``ConfigurationError``."""
    from redis import exceptions
    from redis.asyncio import Redis

    for host, port in place.hosts:
        async with Redis(host=host, port=port, db=place.number, **place.options, **once) as client:
            try:
                known = await asyncio.wait_for(client.info(), _CONNECT + _ANSWER)
            except (exceptions.AuthenticationError, exceptions.NoPermissionError):
                raise ConfigurationError("valkey: the server refuses the login, or the command INFO") from None
            except exceptions.ResponseError as error:
                raise ConfigurationError(f"valkey: {str(error)[:200]}") from None
            except (exceptions.RedisError, OSError, asyncio.TimeoutError) as error:
                if isinstance(error.__cause__, ssl.SSLError) or isinstance(error.__context__, ssl.SSLError):
                    raise ConfigurationError(
                        "valkey: TLS fails: the server has none, or its certificate is of an authority outside ca_file"
                    ) from None
                continue
            _check(known, place)
            return bool(known.get("cluster_enabled"))
    raise ConfigurationError("valkey: no server answers")


def _check(known: dict[str, Any], place: _Place) -> None:
    """Raise ``ConfigurationError`` for a server that forgets what it has answered."""
    if known.get("maxmemory_policy", "noeviction") != "noeviction":
        raise ConfigurationError(
            "valkey: maxmemory-policy must be noeviction; any other lets limits refill and sessions vanish"
        )
    if place.more.get("durable") and not known.get("aof_enabled"):
        raise ConfigurationError("valkey: durable needs a server with appendonly yes and appendfsync always")
