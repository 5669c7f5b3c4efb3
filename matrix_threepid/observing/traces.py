"""``traced``: OpenTelemetry spans around endpoints, stores, senders and identity servers, in the extra ``otel``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from typing import Any

import attrs

from ..ports._checked import given
from ..protocol.errors import ConfigurationError, MatrixError
from ..protocol.wire import Request, Response
from ..roles.recording import provider_of
from ..service import Service

_STORES = ("sessions", "limiter", "bindings", "reversals", "associations")
_MAKE_STORES = ("writing", "telling")
"""Methods of ``RecordingSessions`` that return a store."""
_ASK_OF_STORES = ("counts_in", "records_in")
"""Methods of ``ChargingSessions`` and ``RecordingSessions`` that are asked whether another store is beside them."""
_PORTS = (*_STORES, "accounts", "callers", "uia", "identity", "verifier")


def traced(service: Service, tracer: Any = None) -> Service:
    """Return a service whose requests, and whose calls of ports within them, are spans.

    * ``service``: the service.
    * ``tracer``: a tracer of OpenTelemetry; ``None``, the default, takes ``trace.get_tracer("matrix_threepid")``.

    A span has the name of the endpoint, or of port and method (``sessions.open``), the status of the answer, and the
    class of an error; no address, no token and no user. Raises ``ConfigurationError`` if ``opentelemetry-api`` is not
    installed. See https://opentelemetry.io/docs/specs/otel/trace/api/.
    """
    if tracer is None:
        try:
            from opentelemetry import trace
        except ImportError:
            raise ConfigurationError("traces need OpenTelemetry: pip install 'matrix-threepid[otel]'") from None
        tracer = trace.get_tracer("matrix_threepid")
    names = {field.name for field in attrs.fields(type(service.role))}
    changes: dict[str, Any] = {
        name: _TracedPort(name, given(port), tracer)
        for name in _PORTS
        if name in names and (port := getattr(service.role, name)) is not None
    }
    changes["senders"] = {
        medium: _TracedPort(f"sender.{medium.value}", given(sender), tracer)
        for medium, sender in service.role.senders.items()
    }
    return _TracedService(attrs.evolve(service.role, **changes), service.table, tracer)


class _TracedService(Service):
    def __init__(self, role: Any, table: Any, tracer: Any) -> None:
        super().__init__(role, table)
        self._tracer = tracer

    async def handle(self, request: Request) -> Response:
        declared = self.table.at(request.path).get("GET" if request.method == "HEAD" else request.method)
        with _span(self._tracer, declared.name if declared else "none", http_request_method=request.method) as span:
            response = await super().handle(request)
            span.set_attribute("http.response.status_code", response.status)
            return response


class _TracedPort:
    """A port whose methods are spans; other attributes are those of the port itself."""

    def __init__(self, name: str, port: Any, tracer: Any) -> None:
        self._name, self._port, self._tracer = name, port, tracer

    def __getattr__(self, name: str) -> Any:
        if name in ("_name", "_port", "_tracer"):  # ``copy`` asks before ``__init__`` has run
            raise AttributeError(name)
        found = getattr(self._port, name)
        if name in _MAKE_STORES:
            return lambda argument: _TracedPort(self._name, found(argument), self._tracer)
        if name in _ASK_OF_STORES:
            # They know their own classes only; otherwise each request would have a commit more than without traces.
            return lambda store: found(store._port if isinstance(store, _TracedPort) else store)
        if not callable(found) or isinstance(found, type) or name.startswith("_"):
            return found
        return _in_span(self._tracer, f"{self._name}.{name}", found)

    @property
    def provider(self) -> str:
        """The name of a sender, which is recorded with its messages."""
        return provider_of(self._port)

    def __repr__(self) -> str:
        return repr(self._port)


def _in_span(tracer: Any, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        answer = method(*arguments, **named)
        return _awaited(answer) if isawaitable(answer) else answer

    async def _awaited(answer: Any) -> Any:
        with _span(tracer, name):
            return await answer

    return call


@contextmanager
def _span(tracer: Any, name: str, **attributes: str) -> Iterator[Any]:
    """Open a span. Of an exception only the class is recorded: its text may hold an address (SEC-19)."""
    named = {key.replace("_", "."): value for key, value in attributes.items()}
    with tracer.start_as_current_span(
        name, attributes=named, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", getattr(error, "errcode", None) or type(error).__name__)
            if not isinstance(error, MatrixError):
                _mark_failed(span)
            raise


def _mark_failed(span: Any) -> None:
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR)
