"""The error all others are, and those that say what the host has to do."""

from __future__ import annotations

from typing import Any, ClassVar


class MatrixError(Exception):
    """An answer of the client-server or identity API that is not 200.

    ``status``: HTTP status; ``errcode``: Matrix error code; ``extra``: further members of the body.
    """

    status: ClassVar[int] = 500
    errcode: ClassVar[str] = "M_UNKNOWN"
    message: ClassVar[str] = "Something went wrong"

    def __init__(self, message: str | None = None, **extra: Any) -> None:
        super().__init__(message or self.message)
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """Return the JSON object for the client: ``errcode``, ``error`` and the extra members."""
        return {"errcode": self.errcode, "error": str(self), **self.extra}

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that belong to this error."""
        return ()


class Unavailable(MatrixError):
    """A part behind the library (store, sender) cannot serve right now; nothing was lost."""

    status, errcode = 503, "M_UNKNOWN"
    message = "The server cannot do this right now: please try again"

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", "5"),)


class UiaRequired(MatrixError):
    """User-interactive authentication is not finished; raised by the host's ``Uia`` port.

    ``state``: the 401 body of the specification (``flows``, ``session``, ``params``, ``completed``).
    """

    status = 401

    def __init__(self, state: dict[str, Any]) -> None:
        super().__init__("User-interactive authentication required")
        self.state = state

    def body(self) -> dict[str, Any]:
        return self.state


class ConfigurationError(Exception):
    """The wiring or the policy cannot work; raised while the host starts, never for a client."""
