"""The keys homeservers publish at ``/_matrix/key/v2/server``, fetched when needed and kept while they are valid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from ..model.id_server import normal_id_server
from ..net.fetch import Fetch, HttpReply, HttpRequest, place
from ..ports import Clock, system_clock
from ..protocol.errors import InvalidParam, MatrixError, Unavailable
from ..protocol.wire import read_object
from .signing import ALGORITHM, set_of, verifies

DEFAULT_PORT = 8448
MAX_ANSWER = 51_200
"""Bytes; larger answers are not read (specification, "Publishing Keys")."""
LONGEST_VALIDITY = 7 * 86_400_000
PAUSE = 60_000
"""The ms between two questions to one server, whatever it answered."""
_MAX_KEYS = 16

Discover = Callable[[str], Awaitable[tuple[str, int]]]
"""Returns the host and port a server name stands for."""


@frozen
class PublishedKeys:
    """What a server published: verify keys by id, valid until then (ms).

    ``asked_at``: when it was asked; ``answered``: whether it gave a usable answer.
    """

    asked_at: int
    keys: Mapping[str, str] = field(factory=dict)
    valid_until: int = 0
    answered: bool = True


@define(kw_only=True)
class KeyLookup:
    """``ServerKeys`` over HTTPS, for one process.

    A server is looked for at ``host[:port]``, port 8448 by default; ``/.well-known`` and SRV records only if
    ``discover`` follows them. ``denied_keys``: verify keys (unpadded base64) known to be in other hands too.
    ``deadline``: ms of one look-up; ``max_servers``: whose keys are kept.
    """

    fetch: Fetch = field(repr=False)
    clock: Clock = field(default=system_clock, repr=False)
    discover: Discover | None = field(default=None, repr=False)
    denied_keys: frozenset[str] = field(default=frozenset(), converter=set_of)
    deadline: int = 10_000
    max_servers: int = 1000
    _kept: dict[str, PublishedKeys] = field(init=False, factory=dict, repr=False)

    async def find(self, server_name: str, key_id: str) -> str | None:
        """Return a key that is valid now. Raises ``Unavailable`` if the server gives no usable answer."""
        published, now = self._kept.get(server_name), self.clock()
        if published is None or _worth_asking(published, key_id, now):
            published = await self._asked(server_name, now)
        if not published.answered:
            raise Unavailable("The keys of the server that signed this cannot be had right now")
        public = published.keys.get(key_id) if published.valid_until > now else None
        return None if public in self.denied_keys else public

    async def _asked(self, server_name: str, now: int) -> PublishedKeys:
        """Ask, and keep the answer; an outage is kept as well, so that nobody can have a server asked in a loop."""
        try:
            normal = _server_name(server_name)
        except InvalidParam:
            return PublishedKeys(now)
        self._keep(server_name, PublishedKeys(now, answered=False))
        reply = await self.fetch.fetch(await self._request(normal), self.deadline)
        if isinstance(reply, HttpReply) and reply.status == 200 and not reply.cut:
            self._keep(server_name, read_published(server_name, reply.body, now))
        return self._kept.get(server_name) or PublishedKeys(now, answered=False)

    async def _request(self, server_name: str) -> HttpRequest:
        host, port, authority, _ = place(server_name, DEFAULT_PORT)
        if self.discover is not None:
            host, port = await self.discover(server_name)
        return HttpRequest(method="GET", host=host, port=port, authority=authority, path="/_matrix/key/v2/server")

    def _keep(self, server_name: str, published: PublishedKeys) -> None:
        self._kept.pop(server_name, None)
        self._kept[server_name] = published
        if len(self._kept) > self.max_servers:
            del self._kept[next(iter(self._kept))]


def read_published(server_name: str, body: bytes, now: int) -> PublishedKeys:
    """Return the keys of an answer that this server signed with each of them; none if anything is wrong with it.

    Old keys do not count. They are believed for seven days, however long the server says.
    """
    nothing = PublishedKeys(now)
    try:
        answer = read_object(body, MAX_ANSWER)
    except MatrixError:
        return nothing
    until, keys = answer.get("valid_until_ts"), answer.get("verify_keys")
    if answer.get("server_name") != server_name or type(until) is not int or not isinstance(keys, dict):
        return nothing
    found = {key_id: key for key_id, key in map(_key, list(keys.items())[:_MAX_KEYS]) if key is not None}
    proved = {key_id: key for key_id, key in found.items() if verifies(answer, server_name, key_id, key)}
    return PublishedKeys(now, proved, min(until, now + LONGEST_VALIDITY))


def _worth_asking(kept: PublishedKeys, key_id: str, now: int) -> bool:
    lacking = key_id not in kept.keys or kept.valid_until <= now
    return lacking and not kept.asked_at <= now < kept.asked_at + PAUSE


def _server_name(given: str) -> str:
    """Return a server name in lower case. Raises ``InvalidParam``; a name with a path is none."""
    if "/" in given:
        raise InvalidParam
    return normal_id_server(given)


def _key(entry: tuple[str, Any]) -> tuple[str, str | None]:
    key_id, value = entry
    key = value.get("key") if isinstance(value, dict) else None
    return key_id, key if isinstance(key, str) and key_id.startswith(f"{ALGORITHM}:") else None
