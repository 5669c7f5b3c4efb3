"""Tell the host's listener; whatever it does, the answer stays what it is."""

from __future__ import annotations

import logging

from ..events import Event
from .base import Role

_log = logging.getLogger("matrix_threepid")


def emit(role: Role, event: Event) -> None:
    """Hand ``event`` to the listener; a listener that fails is logged, by class only."""
    try:
        role.listener.on(event)
    except Exception as error:
        _log.error("listener failed on %s: %s", type(event).__name__, type(error).__name__)
