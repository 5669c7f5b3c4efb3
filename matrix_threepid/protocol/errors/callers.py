"""Errors about the caller: access token, account, permission."""

from __future__ import annotations

from .base import MatrixError


class MissingToken(MatrixError):
    """Raised for a request without an access token to an endpoint that needs one.

    Source: `common error codes <https://spec.matrix.org/latest/client-server-api/#common-error-codes>`__.
    """

    status, errcode = 401, "M_MISSING_TOKEN"
    message = "Missing access token"


class UnknownToken(MatrixError):
    """Raised by ``Callers`` for an access token that the host does not know.

    * ``soft_logout``: as an ``extra`` member, ``True`` if the client may keep its data and log in again.

    Source: `common error codes <https://spec.matrix.org/latest/client-server-api/#common-error-codes>`__, `soft logout <https://spec.matrix.org/latest/client-server-api/#soft-logout>`__.
    """

    status, errcode = 401, "M_UNKNOWN_TOKEN"
    message = "Unrecognised access token"


class UserLocked(MatrixError):
    """Raised by ``Callers`` for the access token of a locked account. ``soft_logout`` is ``True`` unless given.

    Source: `account locking <https://spec.matrix.org/latest/client-server-api/#account-locking>`__.
    """

    status, errcode = 401, "M_USER_LOCKED"
    message = "This account has been locked"

    def __init__(self, message: str | None = None, **extra: object) -> None:
        super().__init__(message, **{"soft_logout": True, **extra})


class GuestAccessForbidden(MatrixError):
    """Raised for a guest at an endpoint that lists or changes an account's third-party identifiers.

    Source: `guest access <https://spec.matrix.org/latest/client-server-api/#guest-access>`__.
    """

    status, errcode = 403, "M_GUEST_ACCESS_FORBIDDEN"
    message = "Guests may not use this endpoint"


class Forbidden(MatrixError):
    """Raised for what the host's policy does not allow, such as changes while ``Policy.changes_enabled`` is off.

    Source: `common error codes <https://spec.matrix.org/latest/client-server-api/#common-error-codes>`__.
    """

    status, errcode = 403, "M_FORBIDDEN"
    message = "This server does not allow this"


class UserSuspended(MatrixError):
    """Raised for a suspended user who removes an identifier. Suspended users may still add one.

    Source: `account suspension <https://spec.matrix.org/latest/client-server-api/#account-suspension>`__.
    """

    status, errcode = 403, "M_USER_SUSPENDED"
    message = "Suspended accounts may not remove third-party identifiers"


class Unauthorized(MatrixError):
    """Raised by ``Stages.check`` for a session that does not complete the stage, and for bad identity-API tokens.

    Source: `other error codes <https://spec.matrix.org/latest/client-server-api/#other-error-codes>`__.
    """

    status, errcode = 401, "M_UNAUTHORIZED"
    message = "This address has not been validated yet"


class Unauthenticated(Unauthorized):
    """Raised at the identity API for an unbind with neither a homeserver's signature nor a session.

    Source: `3pid/unbind <https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidunbind>`__.
    """

    message = "This request needs a homeserver's signature or a validated session"


class NotYours(Unauthorized):
    """Raised at the identity API for a bind to a user other than the one of the access token.

    Source: `3pid/bind <https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidbind>`__.
    """

    status = 403
    message = "This is not your user id"


class TermsNotSigned(MatrixError):
    """Raised by ``Callers`` of an identity server for a user who has not accepted the server's terms.

    Source: `terms of service <https://spec.matrix.org/latest/identity-service-api/#terms-of-service>`__.
    """

    status, errcode = 403, "M_TERMS_NOT_SIGNED"
    message = "The terms of this server have not been accepted"


class HostRefused(MatrixError):
    """Raised by a host's ports for a refusal with a status and errcode of the host's own.

    * ``status``: the HTTP status.
    * ``errcode``: the Matrix error code.
    * ``message``: the text of ``error``.
    * ``extra``: further members of the body.

    Source: this project.
    """

    def __init__(self, status: int, errcode: str, message: str, **extra: object) -> None:
        super().__init__(message, **extra)
        self.status, self.errcode = status, errcode  # type: ignore[misc]
