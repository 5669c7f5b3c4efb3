"""Every error a client can see: one class per errcode, each with its status and a sentence.

Raise the class itself where the sentence is enough (``raise ThreepidInUse``); give a message of
your own where the member or the rule must be named. A message never repeats a value.
"""

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


class NotJson(MatrixError):
    """The body is no JSON text."""

    status, errcode = 400, "M_NOT_JSON"
    message = "The body is not valid JSON"


class BadJson(MatrixError):
    """The body is JSON, but not an object we can take."""

    status, errcode = 400, "M_BAD_JSON"
    message = "The body must be a JSON object"


class MissingParam(MatrixError):
    """A required member is absent."""

    status, errcode = 400, "M_MISSING_PARAM"
    message = "A required member is missing"


class InvalidParam(MatrixError):
    """A member has the wrong type or breaks its rule."""

    status, errcode = 400, "M_INVALID_PARAM"
    message = "A member is not valid"


class TooLarge(MatrixError):
    """The body is larger than the policy allows."""

    status, errcode = 413, "M_TOO_LARGE"
    message = "The request is too large"


class Unrecognized(MatrixError):
    """No endpoint lives at this path."""

    status, errcode = 404, "M_UNRECOGNIZED"
    message = "Unrecognized request"


class MethodNotAllowed(Unrecognized):
    """The path is known, the method is not."""

    status = 405
    message = "This method is not offered here"

    def __init__(self, *methods: str) -> None:
        super().__init__()
        self.methods = methods

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Allow", ", ".join((*self.methods, "OPTIONS"))),)


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


class LimitExceeded(MatrixError):
    """Too many requests; ``retry_after_ms`` says when to come back."""

    status, errcode = 429, "M_LIMIT_EXCEEDED"
    message = "Too many requests"

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(retry_after_ms=retry_after_ms)
        self.retry_after_ms = retry_after_ms

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", str(-(-self.retry_after_ms // 1000))),)


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


class ThreepidInUse(MatrixError):
    """The address is on an account already."""

    status, errcode = 400, "M_THREEPID_IN_USE"
    message = "This address is already in use"


class ThreepidNotFound(MatrixError):
    """The address is on no account."""

    status, errcode = 400, "M_THREEPID_NOT_FOUND"
    message = "No account has this address"


class ThreepidDenied(MatrixError):
    """The host's rules refuse this address."""

    status, errcode = 403, "M_THREEPID_DENIED"
    message = "This server does not accept this address"


class ThreepidMediumNotSupported(MatrixError):
    """No sender is wired for this medium (MSC4178)."""

    status, errcode = 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED"
    message = "This server does not validate addresses of this kind"


class ThreepidAuthFailed(MatrixError):
    """The session is unknown, not validated, over, or belongs to somebody else."""

    status, errcode = 403, "M_THREEPID_AUTH_FAILED"
    message = "No validated session was found for these parameters"


class ServerNotTrusted(MatrixError):
    """The identity server named is refused by policy."""

    status, errcode = 400, "M_SERVER_NOT_TRUSTED"
    message = "This identity server is not trusted by this homeserver"


class ServerBlocked(ServerNotTrusted):
    """The identity server's name leads to an address this homeserver does not talk to."""

    status = 403


class IdentityServerRefused(MatrixError):
    """An identity server's own refusal, filtered, passed on (MSC1915, MSC2290)."""

    def __init__(self, status: int, errcode: str, error: str, retry_after_ms: int | None = None) -> None:
        super().__init__(error, **({} if retry_after_ms is None else {"retry_after_ms": retry_after_ms}))
        self.status, self.errcode = status, errcode  # type: ignore[misc]
        self.retry_after_ms = retry_after_ms or 1000

    def body(self) -> dict[str, Any]:
        limited = {"retry_after_ms": self.retry_after_ms} if self.status == 429 else {}
        return {**super().body(), **limited}

    def headers(self) -> tuple[tuple[str, str], ...]:
        limited = self.status == 429
        return (("Retry-After", str(-(-self.retry_after_ms // 1000))),) if limited else ()


class BadGateway(MatrixError):
    """An identity server gave no usable answer."""

    status, errcode = 502, "M_UNKNOWN"
    message = "The identity server could not be reached"


class GatewayTimeout(BadGateway):
    """An identity server did not answer in time."""

    status = 504
    message = "The identity server did not answer in time"


class NoValidSession(MatrixError):
    """No session exists for this ``sid`` and ``client_secret``."""

    status, errcode = 404, "M_NO_VALID_SESSION"
    message = "No session was found for these parameters"


class SessionExpired(MatrixError):
    """The session or its token is over: request a new one (MSC4183)."""

    status, errcode = 400, "M_SESSION_EXPIRED"
    message = "This session has expired: please request a new message"


class SessionNotValidated(MatrixError):
    """The session exists, but its address is not proved yet (identity API)."""

    status, errcode = 400, "M_SESSION_NOT_VALIDATED"
    message = "This session has not been validated yet"


class InvalidEmail(MatrixError):
    """The address is none (identity API)."""

    status, errcode = 400, "M_INVALID_EMAIL"
    message = "email: must be an address of the form user@domain"


class InvalidAddress(MatrixError):
    """The phone number is none (identity API)."""

    status, errcode = 400, "M_INVALID_ADDRESS"
    message = "phone_number: must be a possible phone number of that country, or an international one"


class EmailSendError(MatrixError):
    """The mail could not be sent (identity API)."""

    status, errcode = 400, "M_EMAIL_SEND_ERROR"
    message = "The mail could not be sent: please try again"


class SendError(MatrixError):
    """The SMS could not be sent (identity API)."""

    status, errcode = 400, "M_SEND_ERROR"
    message = "The SMS could not be sent: please try again"


class DestinationRejected(MatrixError):
    """No SMS is sent to this country or kind of number (identity API)."""

    status, errcode = 400, "M_DESTINATION_REJECTED"
    message = "This server does not send messages to this number"


class TokenIncorrect(MatrixError):
    """The token is not the one that was sent (MSC4183)."""

    status, errcode = 400, "M_TOKEN_INCORRECT"
    message = "The token is not correct"


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
