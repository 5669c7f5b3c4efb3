"""The stores of sessions and limits in Valkey or Redis: one server, or a cluster of them."""

from .connection import Valkey
from .limits import ValkeyLimits
from .sessions import ValkeySessions
from .url import open_valkey

__all__ = ["Valkey", "ValkeyLimits", "ValkeySessions", "open_valkey"]
