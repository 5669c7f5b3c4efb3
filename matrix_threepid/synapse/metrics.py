"""``Metrics``: events counted in the Prometheus registry that Synapse publishes."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..events import Event


class Metrics:
    """A ``Listener`` that counts events by class: ``matrix_threepid_events_total{event="ThreepidAdded"}``."""

    def on(self, event: Event) -> None:
        _counter().labels(event=type(event).__name__).inc()


@cache
def _counter() -> Any:
    from prometheus_client import Counter

    return Counter("matrix_threepid_events", "What happened to third-party identifiers", ["event"])
