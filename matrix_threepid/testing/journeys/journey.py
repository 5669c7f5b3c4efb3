"""``Journey``: one story, and what it needs around the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from .visit import Visit


class NotOffered(Exception):
    """The server leaves out something the specification lets it leave out; the text says what."""


@frozen
class Journey:
    """One story. ``needs``: "mail", "sms", "identity"; ``promise``: it asks for more than the specification does."""

    name: str
    story: str
    needs: frozenset[str]
    promise: bool
    run: Callable[[Visit], None] = field(repr=False)
    """Goes through the story. Raises ``Failed`` where it goes wrong, ``NotOffered`` where there is nothing to try."""

    def missing(self, offered: frozenset[str]) -> str | None:
        """Return why the story cannot be told with what is offered, ``None`` if it can."""
        lacking = sorted(self.needs - offered)
        return f"needs {' and '.join(lacking)}" if lacking else None


def journey(*needs: str, promise: bool = False) -> Callable[[Callable[[Visit], None]], Journey]:
    """Declare a function as a story: its name is the function's, its sentence the docstring."""

    def declared(told: Callable[[Visit], None]) -> Journey:
        story = (told.__doc__ or "").strip().partition("\n")[0]
        return Journey(told.__name__.replace("_", "-"), story, frozenset(needs), promise, told)

    return declared
