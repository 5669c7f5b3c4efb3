"""The leak test as a contract for pytest: inherit one class, give two fixtures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .find import find_leaks


class LeakContract:
    """A dump of your stores opens nothing to somebody who has no pepper.

    * ``make_stores`` (fixture): a function without parameters that makes new, empty stores, as ``find_leaks`` takes it.
    * ``dump`` (fixture): a function that is given these stores, and returns all that they hold as text.
    """

    def test_a_dump_opens_nothing(
        self, make_stores: Callable[[], Mapping[str, Any]], dump: Callable[[Mapping[str, Any]], str]
    ) -> None:
        """No text of a dump validates, redeems, unbinds or undoes anything, and no secret is in it."""
        assert find_leaks(make_stores, dump) == []
