"""``Journey``: one journey, and the parts that it needs around the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from .visit import Visit


class NotOffered(Exception):
    """Raised for what the specification lets a server leave out. The text says what."""


@frozen
class Journey:
    """One journey.

    * ``needs``: the parts it needs: ``mail``, ``sms``, ``identity``.
    * ``promise``: whether it demands more than the specification.
    """

    name: str
    story: str
    needs: frozenset[str]
    promise: bool
    run: Callable[[Visit], None] = field(repr=False)
    """Runs the journey. Raises ``Failed`` where it fails, ``NotOffered`` where there is nothing to test."""

    def missing(self, offered: frozenset[str]) -> str | None:
        """Return why the journey cannot run with the given parts; ``None`` if it can."""
        lacking = sorted(self.needs - offered)
        return f"needs {' and '.join(lacking)}" if lacking else None


def journey(*needs: str, promise: bool = False) -> Callable[[Callable[[Visit], None]], Journey]:
    """Declare a function as a journey. Its name is the function's, its sentence the docstring."""

    def declared(told: Callable[[Visit], None]) -> Journey:
        story = (told.__doc__ or "").strip().partition("\n")[0]
        return Journey(told.__name__.replace("_", "-"), story, frozenset(needs), promise, told)

    return declared
