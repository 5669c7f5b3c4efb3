"""Errors about an address or its session."""

from __future__ import annotations

from .base import MatrixError


class ThreepidInUse(MatrixError):
    """Raised for an address to add or register with that is on an account already.

    Source: `other error codes <https://spec.matrix.org/latest/client-server-api/#other-error-codes>`__.
    """

    status, errcode = 400, "M_THREEPID_IN_USE"
    message = "This address is already in use"


class ThreepidNotFound(MatrixError):
    """Raised for a password reset by an address that is on no account.

    Source: `other error codes <https://spec.matrix.org/latest/client-server-api/#other-error-codes>`__.
    """

    status, errcode = 400, "M_THREEPID_NOT_FOUND"
    message = "No account has this address"


class ThreepidDenied(MatrixError):
    """Raised for an address that ``AddressRules`` or ``Policy.sms`` refuses.

    Source: `other error codes <https://spec.matrix.org/latest/client-server-api/#other-error-codes>`__.
    """

    status, errcode = 403, "M_THREEPID_DENIED"
    message = "This server does not accept this address"


class ThreepidMediumNotSupported(MatrixError):
    """Raised for a medium without a sender, or one that the policy turns off for this purpose.

    Source: `MSC4178 <https://github.com/matrix-org/matrix-spec-proposals/pull/4178>`__.
    """

    status, errcode = 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED"
    message = "This server does not validate addresses of this kind"


class ThreepidAuthFailed(MatrixError):
    """Raised for a session that is unknown, not validated, expired, used, or opened for another user or purpose.

    Source: `other error codes <https://spec.matrix.org/latest/client-server-api/#other-error-codes>`__.
    """

    status, errcode = 403, "M_THREEPID_AUTH_FAILED"
    message = "No validated session was found for these parameters"


class NoValidSession(MatrixError):
    """Raised when a token is submitted without a session of this ``sid`` and ``client_secret``.

    Source: `identity service API, standard error response <https://spec.matrix.org/latest/identity-service-api/#standard-error-response>`__.
    """

    status, errcode = 404, "M_NO_VALID_SESSION"
    message = "No session was found for these parameters"


class SessionExpired(MatrixError):
    """Raised for a token submitted after its session or the token itself expired. A new message is needed.

    Source: `MSC4183 <https://github.com/matrix-org/matrix-spec-proposals/pull/4183>`__.
    """

    status, errcode = 400, "M_SESSION_EXPIRED"
    message = "This session has expired: please request a new message"


class SessionNotValidated(MatrixError):
    """Raised at the identity API for a session that has not been validated.

    Source: `identity service API, standard error response <https://spec.matrix.org/latest/identity-service-api/#standard-error-response>`__.
    """

    status, errcode = 400, "M_SESSION_NOT_VALIDATED"
    message = "This session has not been validated yet"


class TokenIncorrect(MatrixError):
    """Raised for a token other than the one that was sent.

    Source: `MSC4183 <https://github.com/matrix-org/matrix-spec-proposals/pull/4183>`__.
    """

    status, errcode = 400, "M_TOKEN_INCORRECT"
    message = "The token is not correct"
