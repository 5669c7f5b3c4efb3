"""What a forked child must not share with its parent: threads, connections, locks and counts of calls."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forgets(Protocol):
    """A part with state that is of no use in a child process."""

    def forget(self) -> None:
        """Begin anew, with locks of its own. It is called in the child, before anything else runs there."""


_parts: WeakSet[Forgets] = WeakSet()


def forget_at_fork(part: Forgets) -> None:
    """Call ``forget`` of this part in each forked child, for as long as the part lives."""
    _parts.add(part)


def _in_child() -> None:
    for part in list(_parts):
        part.forget()


if hasattr(os, "register_at_fork"):  # not on Windows, where no process forks
    os.register_at_fork(after_in_child=_in_child)
