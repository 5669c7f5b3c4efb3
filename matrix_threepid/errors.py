"""Every error that hosts raise or catch: those with an ``errcode`` for clients, and ``ConfigurationError``."""

from __future__ import annotations

from .protocol import errors
from .protocol.errors import *  # noqa: F403  one list of names, kept where the errors are

__all__ = errors.__all__
