"""``Server`` and ``Cluster``: which server a key is asked at, and what is done when it moves or does not answer.

The ``RedisCluster`` of the client is not taken: when one node fails it looks for all nodes anew under one lock and
makes every connection again, so that requests to the other nodes wait as well. Of 1,600 answers a second 55 were left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from redis import exceptions
from redis.asyncio import Redis
from redis.crc import key_slot

from ...protocol.errors import Unavailable

Place = tuple[str, int]
"""Host and port of a server."""
# How often one command is sent on: a slot that moves leads from the old node to the new one, and rarely further.
_REDIRECTIONS = 5
# The s for which the cluster is not asked again who serves what.
_FRESH = 0.2
# What says that a server cannot be asked, or that it is not known whether it has done what it was asked.
LOST = (exceptions.ConnectionError, exceptions.TimeoutError, asyncio.TimeoutError, OSError)


class Servers(Protocol):
    """Asks the server of a key."""

    async def ask(self, key: str, *command: str | int) -> Any:
        """Return the answer of the server of a key. Raises what the client raises, or ``Unavailable``."""

    async def aclose(self) -> None:
        """Close all connections."""


class Server:
    """One server, or what leads to the one that is the primary now.

    * ``client``: its client.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def ask(self, key: str, *command: str | int) -> Any:
        try:
            return await self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except exceptions.ReadOnlyError:
            # It was demoted. A connection made anew may lead to the server that was promoted.
            await self._client.connection_pool.disconnect(inuse_connections=False)
            raise

    async def aclose(self) -> None:
        await self._client.aclose()


class Cluster:
    """The nodes of a cluster.

    * ``places``: nodes that are asked at first.
    * ``client_of``: returns the client of a node, which must not repeat commands.

    A node is asked by what the cluster said last. A node that sends a command on corrects that for the slot. After one
    that does not answer the cluster is asked again, by the next command for that node alone.
    """

    def __init__(self, places: Sequence[Place], client_of: Callable[[Place], Redis]) -> None:
        self._first, self._client_of = tuple(places), client_of
        # Of every node that was ever asked: one that has left may come back, and has no open connections meanwhile.
        self._clients: dict[Place, Redis] = {}
        self._ranges: list[tuple[int, int, Place]] = []
        self._moved: dict[int, Place] = {}
        self._lost: set[Place] = set()
        self._looking = asyncio.Lock()
        self._looked_at = -_FRESH

    async def ask(self, key: str, *command: str | int) -> Any:
        slot = key_slot(key.encode())
        place: Place | None = await self._place_of(slot)
        for _ in range(_REDIRECTIONS):
            if place is not None:
                answer, place = await self._asked(slot, place, command)
                if place is None:
                    return answer
        raise Unavailable

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _asked(self, slot: int, place: Place, command: Sequence[str | int]) -> tuple[Any, Place | None]:
        """Return the answer of a node, or the node that it names in place of itself."""
        try:
            return await self._client(place).execute_command(*command), None  # type: ignore[no-untyped-call]
        except exceptions.MovedError as error:
            # Without a host it is the one that was asked (https://valkey.io/topics/cluster-spec/#moved-redirection).
            self._moved[slot] = (error.host or place[0], error.port)
            return None, self._moved[slot]
        except exceptions.AskError as error:
            # The slot is being moved, key by key. A script would miss what lies in the other node still, or already.
            raise Unavailable from error
        except (*LOST, exceptions.ReadOnlyError):
            self._lost.add(place)
            raise

    def _client(self, place: Place) -> Redis:
        if place not in self._clients:
            self._clients[place] = self._client_of(place)
        return self._clients[place]

    async def _place_of(self, slot: int) -> Place:
        """Return the node of a slot; the cluster is asked if that is not known or did not answer."""
        place = self._known(slot)
        if place is None or place in self._lost:
            async with self._looking:
                clock = asyncio.get_running_loop().time
                if clock() - self._looked_at >= _FRESH:
                    try:
                        await self._look()
                    finally:
                        # At its end: it may take seconds, and all who wait for the lock would look as well.
                        self._looked_at = clock()
            place = self._known(slot)
        if place is None:
            raise Unavailable
        return place

    def _known(self, slot: int) -> Place | None:
        if slot in self._moved:
            return self._moved[slot]
        return next((place for first, last, place in self._ranges if first <= slot <= last), None)

    async def _look(self) -> None:
        """Ask the nodes, one after the other, who serves what. Raises ``Unavailable``."""
        known = dict.fromkeys([*(place for *_, place in self._ranges), *self._clients, *self._first])
        # Those that did not answer last time come last.
        for place in sorted(known, key=self._lost.__contains__):
            if (slots := await self._slots_by(place)) is not None:
                # A node that does not know its own address is the one that was asked.
                self._ranges = [
                    (int(first), int(last), (node[0] or place[0], int(node[1]))) for first, last, node, *_ in slots
                ]
                self._moved.clear()
                self._lost.clear()
                return
        raise Unavailable

    async def _slots_by(self, place: Place) -> Sequence[Any] | None:
        try:
            return await self._client(place).execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call,no-any-return]
        except (*LOST, exceptions.RedisError):
            return None
