"""Asks the mail servers and providers behind senders whether their accounts can be used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from typing import Any

from ...roles.base import Role
from .findings import Finding, Kind

LOOPS: dict[str, Callable[[Callable[[], Any]], Any]] = {
    "asyncio": lambda work: import_module("asyncio").run(work()),
    "trio": lambda work: import_module("trio").run(work),
}
"""Event loops for a host's senders, by name; each runs a coroutine function to its end."""


def of_providers(role: Role, loop: str) -> Iterator[Finding]:
    """Yield what the ``check`` of each sender that has one answers, under a loop of ``LOOPS``. Nothing is sent."""
    for medium, sender in role.senders.items():
        check = getattr(sender, "check", None)
        if check is None:
            yield Finding(Kind.FACT, "online", f"the sender for {medium.value} has no check")
        elif (trouble := _trouble(check, loop)) is not None:
            yield Finding(Kind.WRONG, f"{medium.value}, online", trouble)
        else:
            yield Finding(Kind.FACT, "online", f"the sender for {medium.value} can be used")


def _trouble(check: Callable[[], Awaitable[str | None]], loop: str) -> str | None:
    async def work() -> str | None:
        return await check()

    try:
        trouble: str | None = LOOPS[loop](work)
    except Exception as error:
        return f"its check raised {type(error).__name__} under {loop}"
    return trouble
