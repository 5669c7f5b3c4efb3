"""Whether a role can serve: its stores answer, take changes, and have the schema that this release needs."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ..protocol.errors import ConfigurationError, Unavailable
from ..roles.base import Role

_STORES = (
    "sessions",
    "limiter",
    "bindings",
    "reversals",
    "messages",
    "suppressions",
    "associations",
    "logins",
    "invitations",
)


@frozen
class Health:
    """Whether a service can serve.

    * ``problems``: what is wrong, for the operator; no address and no password is in it. Default: nothing.
    """

    problems: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether every store answers, takes changes, and has the schema that this release needs."""
        return not self.problems


async def health_of(role: Role) -> Health:
    """Ask the stores of a role, each database once; one in memory has no method ``check``, and is always ready."""
    stores = (getattr(role, name, None) for name in _STORES)
    asked = {id(getattr(store, "database", store)): store for store in stores if hasattr(store, "check")}
    problems = [await _problem(store) for store in asked.values()]
    return Health(tuple(filter(None, problems)))


async def _problem(store: Any) -> str | None:
    """Return what keeps a store from being used; ``None`` if nothing does."""
    try:
        await store.check()
    except ConfigurationError as error:
        return str(error)
    except Unavailable:
        return "the database does not answer"
    except Exception as error:
        # Only the class: the text of a driver's exception may hold addresses (SEC-19).
        return f"the database cannot be used: {type(error).__name__}"
    return None
