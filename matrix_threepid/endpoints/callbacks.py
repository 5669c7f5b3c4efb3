"""The table of endpoints at which providers report what became of messages. Off unless a host mounts it.

They are called by programs of providers: no answer has a CORS header, none sets a cookie, and what is not proved gets
403 and no word (SEC-146).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from attrs import frozen

from ..callbacks.provider import CallbackProvider, Received, Unreadable
from ..callbacks.report import events_of
from ..flows.delivery import record_delivery
from ..limits.counting import Counter, charge, charged
from ..limits.rate import charge_call_out
from ..logs import Throttle
from ..model.call import Call
from ..model.limit import Limit, per_day
from ..protocol.endpoint import Endpoint, Table
from ..protocol.errors import ConfigurationError, LimitExceeded, TooLarge
from ..protocol.history import History
from ..protocol.wire import Response
from ..roles.base import Role

_log = logging.getLogger("matrix_threepid")
PREFIX = "/_threepid/callbacks"
_REPORTS = Limit(2000, 50)
"""The requests of one provider that are believed: far more than it makes, and fewer than a database can take."""
_NO_VERSION = History(unstable=False, bare=True)


def callback_table(*providers: CallbackProvider, also: Sequence[Role] = ()) -> Table:
    """Return the endpoints of providers: ``POST /_threepid/callbacks/NAME``, to be mounted with ``Service(role, …)``.

    * ``providers``: their declarations, such as ``twilio_callbacks("…")``.
    * ``also``: further roles whose messages may be reported, for a program that serves several; none by default.

    They are on for a role with ``messages`` and ``Policy.public_base_url``. Raises ``ConfigurationError`` without a
    provider, for another value, and for two of one name.
    """
    if not providers:
        raise ConfigurationError("callback_table: give at least one provider, such as twilio_callbacks(…)")
    for each in providers:
        if not isinstance(each, CallbackProvider):
            raise ConfigurationError(f"callback_table: must be given providers, not {type(each).__name__}")
    throttle = Throttle()
    receivers = [_Receiver(each, throttle, tuple(also)) for each in providers]
    declared = tuple(each.declared() for each in receivers)
    return Table(PREFIX, declared, browsers=False, max_body=max(each.max_body for each in providers))


def _off(role: Role) -> str | None:
    if role.messages is None:
        return "no store of messages is wired"
    return None if role.policy.public_base_url else "policy.public_base_url is not set"


@frozen
class _Receiver:
    """Receives the requests of one provider.

    * ``provider``: the provider.
    * ``throttle``: lets a line of each provider pass in a minute.
    * ``also``: further roles whose messages may be reported.
    """

    provider: CallbackProvider
    throttle: Throttle
    also: tuple[Role, ...]

    def declared(self) -> Endpoint:
        """Return the endpoint."""
        name = self.provider.name
        return Endpoint(
            "POST",
            f"/{name}/{{secret}}" if self.provider.secret_step else f"/{name}",
            _NO_VERSION,
            self.receive,
            name=f"callback_{name}",
            doc=f"Record what {name} reports of messages. Answers 403 to what does not prove to be of it.",
            errors=(TooLarge, LimitExceeded),
            offered=_off,
        )

    async def receive(self, role: Role, call: Call, message: None) -> Response:
        """Record what a request reports, if the provider has made it."""
        request, provider = call.request, self.provider
        if len(request.body) > provider.max_body:
            raise TooLarge
        query = f"?{request.query}" if request.query else ""
        # Never from the header ``Host``, which whoever calls can write.
        url = f"{role.policy.public_base_url}{request.path}{query}"
        received = Received(request=request, url=url, now=role.clock(), call_out=partial(charge_call_out, role, call))
        proof = await provider.prove(received)
        if proof is None:
            if (more := self.throttle.passes(provider.name)) is not None:
                _log.warning("a report that claims to be of %s was not believed (%s more)", provider.name, more)
            return Response(403)
        # After a day a request is too old in any case.
        once = [Counter("report once", (provider.name, proof.once), per_day(1))] if proof.once else []
        if once and await charged(role, [], asked=once):
            return Response(200)
        await charge(role, "callbacks", [Counter("reports", (provider.name,), _REPORTS)])
        try:
            reports = tuple(provider.read(received))
        except Unreadable:
            return Response(400)
        for each in (role, *self.also):
            for event in events_of(each.peppers, provider.name, reports, received.now):
                await record_delivery(each, event)
        # Only now, so that what could not be recorded is believed again when the provider repeats it.
        await charged(role, once)
        return Response(200)
