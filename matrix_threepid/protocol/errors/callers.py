"""Who may not, and why."""

from __future__ import annotations

from typing import Any

from .base import MatrixError


class MissingToken(MatrixError):
    """The endpoint needs an access token."""

    status, errcode = 401, "M_MISSING_TOKEN"
    message = "Missing access token"


class UnknownToken(MatrixError):
    """The access token is not known (raised by ``Callers``; may carry ``soft_logout``)."""

    status, errcode = 401, "M_UNKNOWN_TOKEN"
    message = "Unrecognised access token"


class UserLocked(MatrixError):
    """The account is locked (raised by ``Callers``)."""

    status, errcode = 401, "M_USER_LOCKED"
    message = "This account has been locked"

    def __init__(self, message: str | None = None, **extra: Any) -> None:
        super().__init__(message, **{"soft_logout": True, **extra})


class GuestAccessForbidden(MatrixError):
    """Guests have no third-party identifiers."""

    status, errcode = 403, "M_GUEST_ACCESS_FORBIDDEN"
    message = "Guests may not use this endpoint"


class Forbidden(MatrixError):
    """The host's policy says no."""

    status, errcode = 403, "M_FORBIDDEN"
    message = "This server does not allow this"


class UserSuspended(MatrixError):
    """Suspended users may add, but not remove."""

    status, errcode = 403, "M_USER_SUSPENDED"
    message = "Suspended accounts may not remove third-party identifiers"


class Unauthorized(MatrixError):
    """A stage of user-interactive authentication is not proved (yet)."""

    status, errcode = 401, "M_UNAUTHORIZED"
    message = "This address has not been validated yet"


class Unauthenticated(Unauthorized):
    """Neither a signature nor a session was given (identity API)."""

    message = "This request needs a homeserver's signature or a validated session"


class NotYours(Unauthorized):
    """The access token belongs to another user (identity API)."""

    status = 403
    message = "This is not your user id"


class TermsNotSigned(MatrixError):
    """The user has not accepted the identity server's terms; raised by ``Callers`` of an identity server."""

    status, errcode = 403, "M_TERMS_NOT_SIGNED"
    message = "The terms of this server have not been accepted"


class HostRefused(MatrixError):
    """A refusal in the host's own words, raised by its ports; ``extra``: further members of the body."""

    def __init__(self, status: int, errcode: str, message: str, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.status, self.errcode = status, errcode  # type: ignore[misc]
