"""``endpoints: shadow``: Synapse answers; what the module would have answered is found out afterwards, and compared."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial, wraps
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from ..logs import Throttle
from ..protocol.wire import Request
from ..service import Service
from . import tables
from .private import Inside
from .shadow_pairs import ShadowPairs
from .shadow_ports import Answered, AskedIdentityServer, BeyondShadow, deferred, seen_validated
from .shadow_requests import Seen, body_of, cleaned, is_object, without_secrets

if TYPE_CHECKING:
    from prometheus_client import Counter
    from synapse.module_api import ModuleApi

    from ..stores.sql import Database

_log = logging.getLogger("matrix_threepid.synapse.shadow")
_JUDGED = ("request_", "list_", "add_", "delete_", "unbind_", "bind_")
_WAITING = 200
_DEADLINE_S = 5.0
_CREDENTIALS = ("three_pid_creds", "threePidCreds")


@define
class Shadow:
    """Judges what Synapse has answered, one request after the other, and counts and logs differences.

    * ``api``: the ``ModuleApi`` that Synapse gives to modules.
    * ``db``: Synapse's database, in which pairs of sessions are kept; all else is only read.
    * ``service``: the service of a role whose ports have no effects.

    No more than 200 requests wait; others are dropped and counted. Each has five seconds. Failures are logged and
    counted, and reach nobody.
    """

    _api: ModuleApi = field(repr=False)
    _db: Database = field(repr=False)
    _service: Service = field(repr=False)
    _counter: Counter = field(init=False, repr=False)
    _waiting: deque[Seen] = field(init=False, factory=deque, repr=False)
    _pairs: ShadowPairs = field(init=False, repr=False)
    _throttle: Throttle = field(init=False, factory=Throttle, repr=False)
    _busy: bool = field(init=False, default=False)

    @_pairs.default
    def _make_pairs(self) -> ShadowPairs:
        return ShadowPairs(self._db)

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
            body = body_of(request, self._service.role.policy.max_body)
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
                request=without_secrets(request, cleaned(body, self._service.role.policy.max_body), answer),
                answer=answer,
                sid=sid if isinstance(sid, str) else None,
                at=self._service.role.clock(),
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
        except BeyondShadow as effect:
            # From here on the outcome depends on others.
            module, outcome = "goes on", "same" if seen.answer.status < 400 else "differs"
            if outcome == "differs" and isinstance(effect, AskedIdentityServer):
                outcome = "open"
        else:
            body = json.loads(response.body or b"{}")
            own = Answered(response.status, body.get("errcode"))
            module, outcome = str(own), "same" if own == seen.answer else "differs"
            if seen.sid is not None and isinstance(body.get("sid"), str):
                await self._pair(seen.sid, body["sid"])
        self._counter.labels(seen.endpoint, outcome, str(seen.answer), module).inc()
        if outcome != "differs" or (more := self._throttle.passes((seen.endpoint, seen.answer, module))) is None:
            return
        told = f" ({more} more)" if more else ""
        _log.info("%s: Synapse answered %s, the module: %s%s", seen.endpoint, seen.answer, module, told)

    async def _with_own_sid(self, seen: Seen) -> Request | None:
        """Return the request with the session id of the module; ``None`` if its session was opened unseen."""
        body = json.loads(seen.request.body) if is_object(seen.request.body) else {}
        places = [body, *(body[name] for name in _CREDENTIALS if isinstance(body.get(name), dict))]
        for place in places:
            if seen.endpoint.startswith("add_") and isinstance(place.get("sid"), str):
                pair = await self._pairs.find(place["sid"])
                if pair is None:
                    return None
                if await self._service.role.sessions.get(pair.sid) is None:  # opened by another process or run
                    pair = await self._service.role.sessions.open(pair)
                validated = await self._db.run(partial(tables.validated, place["sid"], seen.at))
                # Synapse deletes a session whose address it has added.
                if validated or seen.answer.status < 400:
                    await seen_validated(self._service.role, pair.sid)
                place["sid"] = pair.sid
                return evolve(seen.request, body=json.dumps(body).encode())
        return seen.request

    async def _pair(self, synapses: str, ours: str) -> None:
        role = self._service.role
        if (session := await role.sessions.get(ours)) is not None:
            await self._pairs.keep(synapses, session, role.clock())

    def _failed(self, name: str, error: Exception) -> None:
        self._counter.labels(name, "failed", "", "").inc()
        if self._throttle.passes(type(error).__name__) is not None:
            _log.warning("%s could not be judged: %s", name, type(error).__name__)
