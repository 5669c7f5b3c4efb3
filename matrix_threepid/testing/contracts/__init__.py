"""The ports' contracts as tests that travel: inherit one class, give one fixture, and your back end is tested.

    class TestRedisSessions(SessionStoreContract):
        run = staticmethod(asyncio.run)

        @pytest.fixture
        def store(self): return RedisSessions(...)

``run``: runs a coroutine to its end; the default is for back ends that answer at once. ``threads``: whether
threads may share the back end; the tests that do so are left out unless it is true.
"""

import pytest

_MODULES = ("base", "accounts", "associations", "bindings", "fetch", "limits", "sessions")
pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in _MODULES))

from .accounts import AccountsContract  # noqa: E402  asserts are rewritten before they are loaded
from .associations import AssociationStoreContract  # noqa: E402
from .bindings import BindingStoreContract  # noqa: E402
from .fetch import SafeFetchContract  # noqa: E402
from .limits import RateLimiterContract  # noqa: E402
from .sessions import SessionStoreContract  # noqa: E402

__all__ = [
    "AccountsContract",
    "AssociationStoreContract",
    "BindingStoreContract",
    "RateLimiterContract",
    "SafeFetchContract",
    "SessionStoreContract",
]
