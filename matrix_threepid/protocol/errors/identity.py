"""Errors about identity servers that a homeserver calls, and errors that an identity server answers itself."""

from __future__ import annotations

from .base import MatrixError
from .requests import Unrecognized


class ServerNotTrusted(MatrixError):
    """Raised for an ``id_server`` that ``Policy.identity_servers`` refuses, or that is sent where it has no meaning.

    The latter only with ``Policy(identity_server_hint="refuse")``.

    Source: `other error codes <https://spec.matrix.org/latest/client-server-api/#other-error-codes>`__.
    """

    status, errcode = 400, "M_SERVER_NOT_TRUSTED"
    message = "This identity server is not trusted by this homeserver"


class ServerBlocked(ServerNotTrusted):
    """Raised for an ``id_server`` whose name resolves to a network address that is refused, such as a private one.

    Source: this project, with the errcode of ``ServerNotTrusted``.
    """

    status = 403


class IdentityServerRefused(MatrixError):
    """Raised to pass an identity server's own error on to the client, after it was filtered.

    * ``status``, ``errcode``, ``error``: those of the identity server's response.
    * ``retry_after_ms``: for status 429, in ms; 1000 if the identity server gave none.

    Source: `MSC1915 <https://github.com/matrix-org/matrix-spec-proposals/pull/1915>`__, `MSC2290 <https://github.com/matrix-org/matrix-spec-proposals/pull/2290>`__.
    """

    def __init__(self, status: int, errcode: str, error: str, retry_after_ms: int | None = None) -> None:
        super().__init__(error, **({} if retry_after_ms is None else {"retry_after_ms": retry_after_ms}))
        self.status, self.errcode = status, errcode  # type: ignore[misc]
        self.retry_after_ms = retry_after_ms or 1000

    def body(self) -> dict[str, object]:
        limited = {"retry_after_ms": self.retry_after_ms} if self.status == 429 else {}
        return {**super().body(), **limited}

    def headers(self) -> tuple[tuple[str, str], ...]:
        limited = self.status == 429
        return (("Retry-After", str(-(-self.retry_after_ms // 1000))),) if limited else ()


class BadGateway(MatrixError):
    """Raised for an identity server that could not be reached or whose response could not be read.

    Source: this project; the specification has no errcode for it.
    """

    status, errcode = 502, "M_UNKNOWN"
    message = "The identity server could not be reached"


class GatewayTimeout(BadGateway):
    """Raised for an identity server that did not answer within ``Policy.identity_deadline``.

    Source: this project; the specification has no errcode for it.
    """

    status = 504
    message = "The identity server did not answer in time"


class InvalidPepper(MatrixError):
    """Raised at the identity API for hashes with a pepper that is not, or no longer, in force.

    * ``algorithm``, ``lookup_pepper``: as extra members, what to hash with now.

    Source: `lookup <https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2lookup>`__.
    """

    status, errcode = 400, "M_INVALID_PEPPER"
    message = "Unknown or invalid pepper: it has probably been rotated"


class MediumUnrecognized(Unrecognized):
    """Raised at the identity API for an invitation of an address of a kind that nobody can be invited by.

    Source: `invitation storage <https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2store-invite>`__.
    """

    status = 400
    message = "medium: nobody can be invited by an address of this kind"


class InvalidEmail(MatrixError):
    """Raised at the identity API for an e-mail address that is not valid.

    Source: `identity service API, standard error response <https://spec.matrix.org/latest/identity-service-api/#standard-error-response>`__.
    """

    status, errcode = 400, "M_INVALID_EMAIL"
    message = "email: must be an address of the form user@domain"


class InvalidAddress(MatrixError):
    """Raised at the identity API for a phone number that is not valid.

    Source: `identity service API, standard error response <https://spec.matrix.org/latest/identity-service-api/#standard-error-response>`__.
    """

    status, errcode = 400, "M_INVALID_ADDRESS"
    message = "phone_number: must be a possible phone number of that country, or an international one"


class EmailSendError(MatrixError):
    """Raised at the identity API for a mail that the sender refused or could not send.

    Source: `identity service API, standard error response <https://spec.matrix.org/latest/identity-service-api/#standard-error-response>`__.
    """

    status, errcode = 400, "M_EMAIL_SEND_ERROR"
    message = "The mail could not be sent: please try again"


class SendError(MatrixError):
    """Raised at the identity API for an SMS that the sender refused or could not send.

    Source: `identity service API, standard error response <https://spec.matrix.org/latest/identity-service-api/#standard-error-response>`__.
    """

    status, errcode = 400, "M_SEND_ERROR"
    message = "The SMS could not be sent: please try again"


class DestinationRejected(MatrixError):
    """Raised at the identity API for a number of a country or kind to which ``Policy.sms`` sends no SMS.

    Source: `requestToken for phone numbers <https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2validatemsisdnrequesttoken>`__.
    """

    status, errcode = 400, "M_DESTINATION_REJECTED"
    message = "This server does not send messages to this number"
