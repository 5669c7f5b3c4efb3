"""``Listeners``: several listeners as one."""

from __future__ import annotations

import logging

from ..events import Event
from ..ports import Listener
from ..protocol.errors import ConfigurationError

_log = logging.getLogger("matrix_threepid")


class Listeners:
    """A ``Listener`` that passes every event on to several; what one of them raises is logged and keeps none from it.

    * ``listeners``: the listeners, also an attribute. Raises ``ConfigurationError`` for one without a method ``on``.

    >>> from matrix_threepid.observing import LogListener
    >>> listeners = Listeners(LogListener())
    """

    def __init__(self, *listeners: Listener) -> None:
        for each in listeners:
            if isinstance(each, type) or not callable(getattr(each, "on", None)):
                raise ConfigurationError("Listeners: each must have a method on(event)")
        self.listeners = listeners
        self._watching = [each.answered for each in listeners if hasattr(each, "answered")]

    def on(self, event: Event) -> None:
        """Pass an event on."""
        for each in self.listeners:
            try:
                each.on(event)
            except Exception as error:  # noqa: PERF203  each has to hear it
                # Only the class is logged: the text of the exception may repeat the address in the event (SEC-19).
                _log.error("listener failed on %s: %s", type(event).__name__, type(error).__name__)

    def answered(self, endpoint: str | None, status: int, seconds: float) -> None:
        """Pass on that a request was answered; see ``Metrics.answered``."""
        for watching in self._watching:
            watching(endpoint, status, seconds)
