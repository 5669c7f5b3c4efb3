"""``endpoints: shadow``: Synapse answers; what the module would have answered is found out afterwards, and compared."""

from __future__ import annotations

import json
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from functools import partial, wraps
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from ..logs import Throttle
from ..protocol.members import redacted
from ..protocol.wire import Request
from ..service import Service
from . import tables
from .private import Inside
from .shadow_ports import Answered, BeyondShadow, deferred, seen_validated

if TYPE_CHECKING:
    from prometheus_client import Counter
    from synapse.module_api import ModuleApi

    from ..stores.sql import Database

_log = logging.getLogger("matrix_threepid.synapse.shadow")
_JUDGED = ("request_", "list_", "add_", "delete_", "unbind_", "bind_")
_SECRET = frozenset({"auth", "password", "new_password", "token", "access_token"})
_WAITING, _PAIRS = 200, 10_000
_DEADLINE_S = 5.0
_WEEK = 7 * 86_400_000
_CREDENTIALS = ("three_pid_creds", "threePidCreds")


@frozen(kw_only=True)
class Seen:
    """A request that Synapse has answered, without passwords, ``auth`` and tokens.

    * ``endpoint``: the name of the endpoint.
    * ``request``: the request as the module reads it.
    * ``answer``: what Synapse has answered.
    * ``sid``: the session id in Synapse's answer; ``None`` if there is none.
    """

    endpoint: str
    request: Request = field(repr=redacted)
    answer: Answered
    sid: str | None = None


@define
class Shadow:
    """Judges what Synapse has answered, one request after the other, and counts and logs differences.

    * ``api``: the ``ModuleApi`` that Synapse gives to modules.
    * ``db``: Synapse's database, which is only read.
    * ``service``: the service of a role whose ports have no effects.

    No more than 200 requests wait; others are dropped and counted. Each has five seconds. Failures are logged and
    counted, and reach nobody.
    """

    _api: ModuleApi = field(repr=False)
    _db: Database = field(repr=False)
    _service: Service = field(repr=False)
    _counter: Counter = field(init=False, repr=False)
    _waiting: deque[Seen] = field(init=False, factory=deque, repr=False)
    _pairs: OrderedDict[str, tuple[str, int]] = field(init=False, factory=OrderedDict, repr=False)
    _throttle: Throttle = field(init=False, factory=Throttle, repr=False)
    _busy: bool = field(init=False, default=False)

    @_counter.default
    def _make_counter(self) -> Counter:
        from prometheus_client import Counter

        return Counter(
            "matrix_threepid_shadow",
            "Requests that Synapse answered, by what the module would have answered",
            ("endpoint", "outcome", "synapse", "module"),
        )

    def watch(self, inside: Inside) -> None:
        """See the answers of Synapse's own endpoints on all client listeners of this process."""
        inside.serve_first(lambda resource: inside.watch(resource, self._watched))

    def _watched(self, method: str, patterns: Any, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Return what calls one of Synapse's endpoints and takes a note of its answer; others are left alone."""
        names = {
            methods[method].name
            for path, methods in self._service.table.paths.items()
            if method in methods and any(pattern.match(path) for pattern in patterns)
        }
        judged = {name for name in names if name.startswith(_JUDGED)}
        if not judged:
            return callback
        name = judged.pop()

        @wraps(callback)
        async def watched(request: Any, *given: Any, **more: Any) -> Any:
            body = _body_of(request, self._service.role.policy.max_body)
            try:
                answer = callback(request, *given, **more)
                answer = await answer if isawaitable(answer) else answer
            except Exception as error:
                self._note(name, request, body, Answered.of_error(error), None)
                raise
            if isinstance(answer, tuple):
                code, content = answer
                sid = content.get("sid") if isinstance(content, Mapping) else None
                self._note(name, request, body, Answered(code), sid)
            return answer

        return watched

    def _note(self, name: str, request: Any, body: bytes, answer: Answered, sid: object) -> None:
        """Queue a request, to be judged once its answer has been sent. Raises nothing."""
        try:
            seen = Seen(
                endpoint=name,
                request=_without_secrets(request, _cleaned(body, self._service.role.policy.max_body), answer),
                answer=answer,
                sid=sid if isinstance(sid, str) else None,
            )
            request.notifyFinish().addBoth(lambda _: self._queue(seen))
        except Exception as error:
            self._failed(name, error)

    def _queue(self, seen: Seen) -> None:
        if len(self._waiting) >= _WAITING:
            self._counter.labels(seen.endpoint, "dropped", "", "").inc()
            return
        self._waiting.append(seen)
        if not self._busy:
            self._busy = True
            self._api.delayed_background_call(0, self._judge_all, desc="matrix_threepid_shadow")

    async def _judge_all(self) -> None:
        try:
            while self._waiting:
                seen = self._waiting.popleft()
                try:
                    await deferred(self._judge, seen, _DEADLINE_S)
                except Exception as error:
                    self._failed(seen.endpoint, error)
        finally:
            self._busy = False

    async def _judge(self, seen: Seen) -> None:
        """Find out what the module would have answered, and compare."""
        request = await self._with_own_sid(seen)
        if request is None:
            self._counter.labels(seen.endpoint, "unpaired", "", "").inc()
            return
        try:
            response = await self._service.handle(request)
        except BeyondShadow:
            # The first effect: from here on the outcome depends on others.
            same, module = seen.answer.status < 400, "goes on"
        else:
            body = json.loads(response.body or b"{}")
            own = Answered(response.status, body.get("errcode"))
            same, module = own == seen.answer, str(own)
            if seen.sid is not None and isinstance(body.get("sid"), str):
                self._pair(seen.sid, body["sid"])
        self._counter.labels(seen.endpoint, "same" if same else "differs", str(seen.answer), module).inc()
        if not same and (more := self._throttle.passes((seen.endpoint, seen.answer, module))) is not None:
            told = f" ({more} more)" if more else ""
            _log.info("%s: Synapse answered %s, the module: %s%s", seen.endpoint, seen.answer, module, told)

    async def _with_own_sid(self, seen: Seen) -> Request | None:
        """Return the request with the session id of the module; ``None`` if its session was opened unseen."""
        body = json.loads(seen.request.body) if _is_object(seen.request.body) else {}
        places = [body, *(body[name] for name in _CREDENTIALS if isinstance(body.get(name), dict))]
        for place in places:
            if seen.endpoint.startswith("add_") and isinstance(place.get("sid"), str):
                pair = self._pairs.get(place["sid"])
                if pair is None:
                    return None
                validated = await self._db.run(partial(tables.validated, place["sid"]))
                # Synapse deletes a session whose address it has added.
                if validated or seen.answer.status < 400:
                    await seen_validated(self._service.role, pair[0])
                place["sid"] = pair[0]
                return evolve(seen.request, body=json.dumps(body).encode())
        return seen.request

    def _pair(self, synapses: str, ours: str) -> None:
        now = self._service.role.clock()
        self._pairs[synapses] = (ours, now)
        self._pairs.move_to_end(synapses)
        while len(self._pairs) > _PAIRS or next(iter(self._pairs.values()))[1] < now - _WEEK:
            self._pairs.popitem(last=False)

    def _failed(self, name: str, error: Exception) -> None:
        self._counter.labels(name, "failed", "", "").inc()
        if self._throttle.passes(type(error).__name__) is not None:
            _log.warning("%s could not be judged: %s", name, type(error).__name__)


def _body_of(request: Any, most: int) -> bytes:
    """Return the body of a request, which is left as it is; of a longer one, so much that it is too long."""
    content = request.content
    content.seek(0)
    body: bytes = content.read(most + 1)
    content.seek(0)
    return body


def _without_secrets(request: Any, body: bytes, answer: Answered) -> Request:
    """Return a request as the module reads it; ``body``: without passwords, ``auth`` and tokens."""
    client = getattr(request.getClientAddress(), "host", None)
    language = request.getHeader("accept-language")
    return Request(
        method=request.method.decode("ascii", "replace"),
        path=request.path.decode("ascii", "replace"),
        headers={"accept-language": language} if language else {},
        query="",
        body=body,
        client=client or "",
        native=(request.requester, answer),
    )


class _TwiceError(Exception):
    """An object has a member twice."""


def _cleaned(body: bytes, most: int) -> bytes:
    """Return a body without secrets; for one that is wrong as a whole, another one that is wrong in the same way."""
    if len(body) > most:
        return b" " * len(body)
    try:
        read = json.loads(body, object_pairs_hook=_once)
    except _TwiceError:
        return b"[]"
    except (ValueError, RecursionError):
        return b"[" if body else b""
    if not isinstance(read, dict):
        return b"[]"
    kept = {name: value for name, value in read.items() if name not in _SECRET}
    if isinstance(kept.get("id_access_token"), str):
        kept["id_access_token"] = "removed"  # no secret: bind requires the member
    return json.dumps(kept).encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise _TwiceError
    return dict(pairs)


def _is_object(body: bytes) -> bool:
    return body.startswith(b"{")
