"""What is wrong with an address or its session."""

from __future__ import annotations

from .base import MatrixError


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


class TokenIncorrect(MatrixError):
    """The token is not the one that was sent (MSC4183)."""

    status, errcode = 400, "M_TOKEN_INCORRECT"
    message = "The token is not correct"
