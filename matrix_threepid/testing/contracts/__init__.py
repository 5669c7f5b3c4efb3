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

from pkgutil import iter_modules

import pytest

# Before they are loaded, so that a failed assertion says what was compared.
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in iter_modules(__path__)))
