"""``KeyLookup``: fetches the keys that homeservers publish at ``/_matrix/key/v2/server``, and keeps them while valid.

Source: https://spec.matrix.org/latest/server-server-api/#publishing-keys, SEC-50.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from typing import Any

from attrs import define, evolve, field, frozen

from ..net.deadline import Deadline
from ..net.fetch import Fetch, HttpReply, HttpRequest
from ..net.server_names import ServerPlace, federation_place
from ..net.timer import by
from ..ports import Clock, system_clock
from ..protocol.errors import InvalidParam, MatrixError, Unavailable
from ..protocol.wire import read_object
from ..threads import result_of
from .signing import ALGORITHM, set_of, verifies

MAX_ANSWER = 51_200
"""The bytes of an answer; larger ones count as none."""
LONGEST_VALIDITY = 7 * 86_400_000
"""The ms that keys are used at most without asking again; the specification wants no more than seven days."""
PAUSE = 60_000
"""The ms between two requests to one server, whatever it answered."""
# Servers publish one or two keys; each costs the verification of a signature.
_MAX_KEYS = 16

Discover = Callable[[str], Awaitable[ServerPlace]]
"""Returns where the homeserver of a server name is, as ``Discovery`` does (https://spec.matrix.org/latest/server-server-api/#server-discovery)."""


@frozen
class PublishedKeys:
    """The keys that a server published.

    * ``asked_at``: the time in ms at which the server was asked.
    * ``keys``: verify keys in unpadded base64, by id; empty by default.
    * ``valid_until``: the time in ms until which the keys may be used; 0 by default.
    * ``answered``: whether the server gave an answer; ``False`` after an outage.
    """

    asked_at: int
    keys: Mapping[str, str] = field(factory=dict)
    valid_until: int = 0
    answered: bool = True

    def find(self, key_id: str, now: int) -> str | None:
        """Return a key that is valid at a time, in ms; ``None`` if there is none of this id."""
        return self.keys.get(key_id) if self.valid_until > now else None

    def ended(self, key_id: str, now: int) -> bool:
        """Return whether a key was valid when the server was asked, and is not any more."""
        return key_id in self.keys and self.asked_at < self.valid_until <= now

    def may_be_asked(self, now: int) -> bool:
        """Return whether the last request to the server was long enough ago for another."""
        # A clock that was set back (`now` before `asked_at`) must not delay the next request for longer than the pause.
        return not self.asked_at <= now < self.asked_at + PAUSE


@define(kw_only=True)
class KeyLookup:
    """``ServerKeys`` over HTTPS, with a cache of one process.

    * ``fetch``: makes the requests; it has to be safe for hosts that users name, as ``PinnedHttps`` is.
    * ``clock``: returns the time in ms; the system's clock by default.
    * ``discover``: returns where a server is, such as a ``Discovery``; ``None``, the default, takes the name and its
      port, or 8448, and follows neither ``/.well-known`` nor SRV records.
    * ``denied_keys``: verify keys (unpadded base64) that are never used, such as keys that have leaked; none by
      default.
    * ``deadline``: the ms of one look-up, 10,000 by default.
    * ``max_servers``: the number of servers whose keys are kept, 1000 by default; the one asked longest ago goes first.
    """

    fetch: Fetch = field(repr=False)
    clock: Clock = field(default=system_clock, repr=False)
    discover: Discover | None = field(default=None, repr=False)
    denied_keys: frozenset[str] = field(default=frozenset(), converter=set_of)
    deadline: int = 10_000
    max_servers: int = 1000
    _kept: dict[str, PublishedKeys] = field(init=False, factory=dict, repr=False)
    _asking: dict[str, Future[PublishedKeys]] = field(init=False, factory=dict, repr=False)

    async def find(self, server_name: str, key_id: str) -> str | None:
        """Return a key that is valid now; ``None`` if the server publishes no such key.

        Raises ``Unavailable`` if the server does not answer with status 200.
        """
        published, now = self._kept.get(server_name, PublishedKeys(-PAUSE, answered=False)), self.clock()
        if published.find(key_id, now) is None:
            # One look-up at a time: requests for a server that is being asked wait for its answer.
            if (under_way := self._asking.get(server_name)) is not None:
                published = await self._joined(under_way)
            elif published.may_be_asked(now):
                published = await self._asked(server_name, published, now)
        public = published.find(key_id, now)
        if public is None and (not published.answered or published.ended(key_id, now)):
            # Not "a wrong signature": neither an outage nor a key whose successor may not be asked for yet must make
            # the homeserver give its unbind up.
            raise Unavailable("The keys of the server that signed this cannot be had right now")
        return None if public in self.denied_keys else public

    async def _asked(self, server_name: str, before: PublishedKeys, now: int) -> PublishedKeys:
        """Ask a server for its keys and keep the answer; what is known before stays until there are better keys.

        Anybody can name a key id that does not exist, so a look-up must not take away keys that are still valid.
        An outage is kept as well, so that requests with a forged origin cannot make us ask a server more than once in
        ``PAUSE`` ms.
        """
        try:
            here = federation_place(server_name)
        except InvalidParam:
            return PublishedKeys(now)
        # Kept before the call, so that cancelling the call changes nothing.
        known = evolve(before, asked_at=now, answered=False)
        self._keep(server_name, known)
        under_way = self._asking[server_name] = Future[PublishedKeys]()
        try:
            reply = await self.fetch.fetch(await self._request(server_name, here), self.deadline)
            if isinstance(reply, HttpReply) and reply.status == 200 and not reply.cut:
                answer = read_published(server_name, reply.body, now)
                known = answer if answer.keys else evolve(known, answered=True)
                self._keep(server_name, known)
        finally:
            del self._asking[server_name]
            under_way.set_result(known)
        return known

    async def _joined(self, under_way: Future[PublishedKeys]) -> PublishedKeys:
        try:
            return await result_of(by(under_way, Deadline.in_ms(self.deadline)))
        except TimeoutError:
            return PublishedKeys(0, answered=False)

    async def _request(self, server_name: str, here: ServerPlace) -> HttpRequest:
        there = here if self.discover is None else await self.discover(server_name)
        return there.request("/_matrix/key/v2/server")

    def _keep(self, server_name: str, published: PublishedKeys) -> None:
        # Removed first, so that the dictionary's order is the order of asking.
        self._kept.pop(server_name, None)
        self._kept[server_name] = published
        if len(self._kept) > self.max_servers:
            del self._kept[next(iter(self._kept))]


def read_published(server_name: str, body: bytes, now: int) -> PublishedKeys:
    """Return the keys of an answer of ``/_matrix/key/v2/server``.

    * ``server_name``: the server that was asked; the answer has to name it.
    * ``body``: the bytes of the answer.
    * ``now``: the time in ms.

    Only keys with which the answer itself is signed are returned, since a server must prove that it has them; none at
    all if the answer has another form. ``old_verify_keys`` are not read: they sign no new request. The keys are valid
    until ``valid_until_ts``, and for seven days at most.
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


def _key(entry: tuple[str, Any]) -> tuple[str, str | None]:
    key_id, value = entry
    key = value.get("key") if isinstance(value, dict) else None
    return key_id, key if isinstance(key, str) and key_id.startswith(f"{ALGORITHM}:") else None
