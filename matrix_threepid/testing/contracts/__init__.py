"""Contracts of the ports, as test classes: inherit one, give its fixture, and pytest tests your part.

    class TestRedisSessions(SessionStoreContract):
        run = staticmethod(asyncio.run)

        @pytest.fixture
        def store(self): return RedisSessions(...)

Every contract has these members:

* ``run``: a function that runs a coroutine to its end. The default is for parts that never wait.
* ``threads``: whether several threads may use the part at once. Tests with threads are skipped unless it is ``True``.
* ``unsupported``: what the part, or the stand-in for its provider, cannot do, with the reason; the tests are skipped.
"""

import pytest

_MODULES = (
    "base",
    "accounts",
    "associations",
    "bindings",
    "callers",
    "fetch",
    "host_client",
    "hosts",
    "identity",
    "identity_calls",
    "identity_wire",
    "limits",
    "pages",
    "requests",
    "senders",
    "sessions",
    "uia",
    "verifiers",
)
pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in _MODULES))

from .accounts import AccountsContract  # noqa: E402  asserts are rewritten before they are loaded
from .associations import AssociationStoreContract  # noqa: E402
from .bindings import BindingStoreContract  # noqa: E402
from .callers import CallersContract  # noqa: E402
from .fetch import SafeFetchContract  # noqa: E402
from .hosts import HostContract  # noqa: E402
from .identity import IdentityServerClientContract  # noqa: E402
from .limits import RateLimiterContract  # noqa: E402
from .pages import PagesContract  # noqa: E402
from .requests import RequestVerifierContract  # noqa: E402
from .senders import TokenSenderContract  # noqa: E402
from .sessions import SessionStoreContract  # noqa: E402
from .uia import UiaContract  # noqa: E402
from .verifiers import RemoteVerifierContract  # noqa: E402

__all__ = [
    "AccountsContract",
    "AssociationStoreContract",
    "BindingStoreContract",
    "CallersContract",
    "HostContract",
    "IdentityServerClientContract",
    "PagesContract",
    "RateLimiterContract",
    "RemoteVerifierContract",
    "RequestVerifierContract",
    "SafeFetchContract",
    "SessionStoreContract",
    "TokenSenderContract",
    "UiaContract",
]
