"""``Discovery``: finds the homeserver of a server name by ``/.well-known`` and SRV records.

Source: https://spec.matrix.org/latest/server-server-api/#resolving-server-names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urljoin, urlsplit

from attrs import define, field, frozen

from ..protocol.errors import InvalidParam, MatrixError
from ..protocol.wire import read_object
from ..threads import Threads, result_of
from .deadline import Deadline
from .fetch import Fetch, HttpReply
from .pool import Now, monotonic_ms
from .server_names import ServerPlace, federation_place
from .timer import by

WELL_KNOWN = "/.well-known/matrix/server"
MAX_ANSWER = 51_200
"""The bytes of a ``/.well-known`` answer; larger ones count as none."""
_REDIRECTS = 3
_REDIRECTED = (301, 302, 303, 307, 308)
_HTTPS = 443
_MAX_AGE = re.compile(r"max-age=\"?([0-9]{1,9})")
_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
_USUAL, _LONGEST, _FAILED = 24 * _HOUR, 48 * _HOUR, _HOUR
_LOOKED_UP = _HOUR
"""The ms that an answer of DNS is kept."""
_AT_ONCE = 8


@frozen
class SrvRecord:
    """An SRV record (https://www.rfc-editor.org/rfc/rfc2782).

    * ``priority``, ``weight``: which of several is taken: the least priority, then the largest weight.
    * ``host``, ``port``: the server.
    """

    priority: int
    weight: int
    host: str
    port: int


Srv = Callable[[str, float], Sequence[SrvRecord]]
"""Returns the SRV records of a name, if it has any, within so many s; blocks. Raises ``OSError`` if it fails."""


def dns_srv(name: str, seconds: float) -> list[SrvRecord]:
    """Return the SRV records of a name, by the resolvers that the system is configured with."""
    from dns.exception import DNSException
    from dns.resolver import NXDOMAIN, NoAnswer, resolve

    try:
        found = resolve(name, "SRV", search=False, lifetime=seconds)
    except (NXDOMAIN, NoAnswer):
        return []
    except DNSException as error:
        raise OSError(type(error).__name__) from None
    records = [SrvRecord(each.priority, each.weight, str(each.target).rstrip("."), each.port) for each in found]
    # A record that leads to the root says that there is no such service.
    return [each for each in records if each.host]


@frozen
class _Known:
    """A place, and until when it is kept, in ms."""

    place: ServerPlace
    until: int


def _own_threads() -> Threads:
    return Threads(_AT_ONCE)


@define(kw_only=True)
class Discovery:
    """Finds homeservers; a ``Discover`` for ``KeyLookup`` and ``OpenIdLookup``, with a cache of one process.

    A name with a port, and an address, is taken as it is. For others ``/.well-known/matrix/server`` is asked, with up
    to three redirects to https; then the SRV records of the name that it gives, or of the name itself; else port 8448.

    * ``fetch``: makes the requests; it has to be safe for hosts that users name, as ``PinnedHttps`` is, with port 443.
      Every hop's name is looked up and its addresses checked by it, and so is the server that an SRV record names.
    * ``srv``: looks SRV records up; by default ``dnspython`` with the system's resolvers.
    * ``clock``: returns the time in ms by which answers become too old.
    * ``deadline``: the ms that finding one server may take, 5,000 by default; then the name and port 8448 are taken.
    * ``max_servers``: the number of places that are kept, 1,000 by default; the one found first goes first.

    An answer of ``/.well-known`` is kept as long as its ``Cache-Control`` says, a day without and two days at most;
    that there is none, an hour.
    """

    fetch: Fetch = field(repr=False)
    srv: Srv = field(default=dns_srv, repr=False)
    clock: Now = field(default=monotonic_ms, repr=False)
    deadline: int = 5_000
    max_servers: int = 1_000
    _kept: dict[str, _Known] = field(init=False, factory=dict, repr=False)
    _threads: Threads = field(init=False, factory=_own_threads, repr=False)

    async def __call__(self, server_name: str) -> ServerPlace:
        """Return where the homeserver is. Raises ``InvalidParam`` for what is no server name."""
        here, now = federation_place(server_name), self.clock()
        if here.final:
            return here
        known = self._kept.get(here.authority)
        if known is None or not now < known.until <= now + _LONGEST:
            known = await self._found(here, Deadline.in_ms(self.deadline), now)
            self._kept.pop(here.authority, None)
            self._kept[here.authority] = known
            if len(self._kept) > self.max_servers:
                del self._kept[next(iter(self._kept))]
        return known.place

    async def _found(self, here: ServerPlace, until: Deadline, now: int) -> _Known:
        delegated, lives = await self._delegated(here, until)
        if delegated is not None and delegated.final:
            return _Known(delegated, now + lives)
        named = here if delegated is None else delegated
        try:
            record = await self._record(named.host, until)
        except OSError:
            # Not for long: the next request may get an answer.
            return _Known(named, now + _MINUTE)
        if record is None:
            return _Known(named, now + min(lives, _LOOKED_UP))
        found = ServerPlace(named.host, record.port, named.authority, connect=record.host)
        return _Known(found, now + min(lives, _LOOKED_UP))

    async def _delegated(self, here: ServerPlace, until: Deadline) -> tuple[ServerPlace | None, int]:
        """Return the place that ``/.well-known`` names, if there is one, and for how many ms that holds."""
        url = f"https://{here.authority}{WELL_KNOWN}"
        for _ in range(_REDIRECTS + 1):
            asked = _place_of(url)
            left = until.left_ms()
            if asked is None or not left:
                break
            place, path, query = asked
            reply = await self.fetch.fetch(place.request(path, query), left)
            if not isinstance(reply, HttpReply):
                return None, _MINUTE
            if reply.status not in _REDIRECTED:
                return _read(reply)
            url = _joined(url, _header(reply, "location"))
        return None, _FAILED

    async def _record(self, host: str, until: Deadline) -> SrvRecord | None:
        """Return the SRV record to follow; ``None`` without one. Raises ``OSError``, also at the deadline."""
        for service in ("_matrix-fed._tcp", "_matrix._tcp"):
            work = partial(self.srv, f"{service}.{host}", until.left())
            records = await result_of(by(self._threads.start(work), until))
            if records:
                return min(records, key=lambda each: (each.priority, -each.weight))
        return None


def _joined(url: str, location: str) -> str:
    """Return where a redirect leads; an empty text if that is no URL."""
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _place_of(url: str) -> tuple[ServerPlace, str, str] | None:
    """Return where a URL leads, its path and its query; ``None`` for one that is not followed."""
    try:
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.username is not None or not url.isascii() or not url.isprintable():
            return None
        place = federation_place(parts.netloc)
    except (InvalidParam, ValueError):
        return None
    port = _HTTPS if parts.port is None else place.port
    return ServerPlace(place.host, port, place.authority), parts.path or "/", parts.query


def _read(reply: HttpReply) -> tuple[ServerPlace | None, int]:
    if reply.status != 200 or reply.cut is not None:
        return None, _FAILED
    try:
        name = read_object(reply.body, MAX_ANSWER).get("m.server")
        found = federation_place(name) if isinstance(name, str) else None
    except MatrixError:
        found = None
    if found is None:
        return None, _FAILED
    age = _MAX_AGE.search(_header(reply, "cache-control").lower())
    return found, _USUAL if age is None else min(max(int(age[1]) * _SECOND, _MINUTE), _LONGEST)


def _header(reply: HttpReply, name: str) -> str:
    return next((value for key, value in reply.headers if key.lower() == name), "")
