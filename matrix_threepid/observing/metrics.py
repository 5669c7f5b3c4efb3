"""``Metrics``: counts, times and queue lengths for Prometheus (https://prometheus.io/docs/concepts/metric_types/)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from attrs import frozen

from ..events import Event, LimitReached, MessageSent
from ..housekeeping import Job
from ..limits.sms import sms_left
from ..logs import outcome_name
from ..model.threepid import Medium
from ..ports._checked import given
from ..protocol.errors import ConfigurationError

if TYPE_CHECKING:
    from ..identity.breaker import Breaker
    from ..service import Service
    from ..stores.sql import Database, Operation

_MEASURE_EVERY = 15_000
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The bounds of the histogram, in s; up to the deadline of a message."""


@frozen
class Metric:
    """A metric that is exported.

    * ``name``: its name; a counter is exported with ``_total`` behind it.
    * ``kind``: ``counter``, ``gauge`` or ``histogram``.
    * ``doc``: what it says.
    * ``labels``: the names of its labels.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    doc: str
    labels: tuple[str, ...] = ()

    @property
    def exported(self) -> str:
        """Its name as it is exported; of a histogram, the name before ``_bucket``, ``_sum`` and ``_count``."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


METRICS = (
    Metric("matrix_threepid_requests", "counter", "Requests answered", ("endpoint", "status")),
    Metric("matrix_threepid_request_seconds", "histogram", "Time from request to answer", ("endpoint",)),
    Metric("matrix_threepid_messages", "counter", "Messages handed to a sender", ("medium", "purpose", "outcome")),
    Metric("matrix_threepid_limits", "counter", "Requests refused by a limit", ("action",)),
    Metric("matrix_threepid_events", "counter", "What happened to third-party identifiers", ("event",)),
    Metric("matrix_threepid_sms_left", "gauge", "SMS that may still be sent in this hour or day", ("budget",)),
    Metric("matrix_threepid_queue_length", "gauge", "Messages and unbinds that are due", ("queue",)),
    Metric("matrix_threepid_queue_oldest_seconds", "gauge", "How long the oldest of them has been due", ("queue",)),
    Metric("matrix_threepid_circuits_open", "gauge", "Identity servers that are not called, since they fail"),
    Metric("matrix_threepid_pool_connections", "gauge", "Connections to PostgreSQL", ("state",)),
    Metric("matrix_threepid_database_up", "gauge", "1 if the database answered the last measurement, else 0"),
)
"""Every metric, in the order of the docs."""
_NO_ENDPOINT = "none"


class Metrics:
    """A ``Listener`` that counts for Prometheus, in the extra ``metrics``. Several roles may share a registry.

    * ``registry``: a ``CollectorRegistry``; ``None``, the default, for that of the process
      (``prometheus_client.REGISTRY``), which Synapse and most programs publish.

    Raises ``ConfigurationError`` if ``prometheus-client`` is not installed. Combine it with others by ``Listeners``.
    """

    def __init__(self, registry: Any = None) -> None:
        try:
            import prometheus_client as client
        except ImportError:
            raise ConfigurationError("metrics need prometheus-client: pip install 'matrix-threepid[metrics]'") from None
        self.registry = client.REGISTRY if registry is None else registry
        self._families = _families_of(client, self.registry)

    def on(self, event: Event) -> None:
        """Count an event."""
        self._count("matrix_threepid_events", event=type(event).__name__)
        if isinstance(event, MessageSent):
            labels = {"medium": event.threepid.medium.value, "purpose": event.purpose.value}
            self._count("matrix_threepid_messages", **labels, outcome=outcome_name(event.outcome))
        elif isinstance(event, LimitReached):
            self._count("matrix_threepid_limits", action=event.action)

    def answered(self, endpoint: str | None, status: int, seconds: float) -> None:
        """Count an answer. A ``Service`` calls this method of its listener after every request.

        * ``endpoint``: the name of the endpoint; ``None`` if there is none at this path and method.
        * ``status``: the status of the answer; 500 for an exception that is a bug.
        * ``seconds``: the time that it took.
        """
        name = endpoint or _NO_ENDPOINT
        self._count("matrix_threepid_requests", endpoint=name, status=str(status))
        self._families["matrix_threepid_request_seconds"].labels(endpoint=name).observe(seconds)

    def jobs(
        self,
        service: Service,
        database: Database | None = None,
        *,
        breakers: Iterable[Breaker] = (),
        pools: Iterable[Any] = (),
        every: int = _MEASURE_EVERY,
    ) -> tuple[Job, ...]:
        """Return the job that measures what no event tells: budgets, queues, circuits and connections.

        * ``service``: whose budgets of SMS are measured.
        * ``database``: where its queues are; ``None``, the default, measures none.
        * ``breakers``: circuit breakers of identity servers; none by default.
        * ``pools``: pools of ``psycopg_pool``; none by default.
        * ``every``: the pause in ms; default 15 s.
        """
        known = tuple(breakers), tuple(pools)

        async def measure() -> None:
            self._set("matrix_threepid_circuits_open", sum(each.open for each in known[0]))
            self._measure_pools(known[1])
            try:
                await self._measure_stores(service, database)
            except BaseException:  # also where a host's deadline cancels it
                self._set("matrix_threepid_database_up", 0)
                raise
            self._set("matrix_threepid_database_up", 1)

        return (Job(name="measure", every=every, work=measure, clock=service.role.clock),)

    async def _measure_stores(self, service: Service, database: Database | None) -> None:
        role = service.role
        if Medium.MSISDN in role.senders:
            for budget, left in (await sms_left(role)).items():
                self._set("matrix_threepid_sms_left", left, budget=budget)
        now = role.clock()
        queues = {} if database is None else await database.run(lambda: _queues(now))
        # Sessions that are kept apart from the database have a queue of their own.
        if (own := getattr(given(role.sessions), "queue", None)) is not None:
            queues["messages"] = await own(now)
        for queue, (length, since) in queues.items():
            self._set("matrix_threepid_queue_length", length, queue=queue)
            self._set("matrix_threepid_queue_oldest_seconds", max(0, now - (since or now)) / 1000, queue=queue)

    def _measure_pools(self, pools: Iterable[Any]) -> None:
        stats = [each.get_stats() for each in pools]
        for state, name in (("open", "pool_size"), ("idle", "pool_available"), ("waiting", "requests_waiting")):
            if stats:
                self._set("matrix_threepid_pool_connections", sum(each.get(name, 0) for each in stats), state=state)

    def _count(self, name: str, **labels: str) -> None:
        self._families[name].labels(**labels).inc()

    def _set(self, name: str, value: float, **labels: str) -> None:
        family = self._families[name]
        (family.labels(**labels) if labels else family).set(value)


def _queues(now: int) -> Operation[dict[str, tuple[int, int | None]]]:
    """Return how many messages and unbinds are due, and since when the first of them is."""
    found: dict[str, tuple[int, int | None]] = {}
    for queue, table in (("messages", "matrix_threepid_sessions"), ("unbinds", "matrix_threepid_bindings")):
        rows = yield f"SELECT count(*), min(due_at) FROM {table} WHERE due_at IS NOT NULL AND due_at <= ?", (now,)  # noqa: S608
        found[queue] = (rows[0][0], rows[0][1])
    return found


_made: WeakKeyDictionary[Any, Mapping[str, Any]] = WeakKeyDictionary()


def _families_of(client: Any, registry: Any) -> Mapping[str, Any]:
    """Return the metrics of a registry by name; made once, since a registry takes each name once."""
    if registry not in _made:
        kinds: dict[str, Callable[..., Any]] = {
            "counter": client.Counter,
            "gauge": client.Gauge,
            "histogram": client.Histogram,
        }
        options: Mapping[str, Mapping[str, Any]] = {
            "gauge": {"multiprocess_mode": "mostrecent"},
            "histogram": {"buckets": _SECONDS},
        }
        _made[registry] = {
            each.name: kinds[each.kind](
                each.name, each.doc, each.labels, registry=registry, **options.get(each.kind, {})
            )
            for each in METRICS
        }
    return _made[registry]
