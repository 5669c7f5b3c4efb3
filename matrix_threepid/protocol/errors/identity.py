"""What identity servers say, and what is said of them."""

from __future__ import annotations

from typing import Any

from .base import MatrixError


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
