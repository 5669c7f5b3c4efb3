"""The ports' contracts as tests that travel: inherit one class, give one fixture, and your back end is tested.

    class TestRedisSessions(SessionStoreContract):
        run = staticmethod(asyncio.run)

        @pytest.fixture
        def store(self): return RedisSessions(...)

``run``: runs a coroutine to its end; the default is for back ends that answer at once. ``threads``: whether
threads may share the back end; the tests that do so are left out unless it is true. ``unsupported``: what the back
end, or what stands in for a provider, cannot do, and why.
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
