"""``Metrics``: the library's metrics in the Prometheus registry that Synapse publishes, and its log lines."""

from __future__ import annotations

from ..logs import LogListener
from ..observing.listeners import Listeners
from ..observing.metrics import Metrics as Counted


class Metrics(Listeners):
    """A ``Listener`` that counts and logs, such as ``matrix_threepid_events_total{event="ThreepidAdded"}``."""

    def __init__(self) -> None:
        super().__init__(LogListener(), Counted())
