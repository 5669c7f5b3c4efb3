"""The base class of all errors for clients, and the errors with a meaning for the host."""

from __future__ import annotations

from typing import ClassVar


class MatrixError(Exception):
    """An error response of the client-server or identity service API.

    * ``status``: the HTTP status.
    * ``errcode``: the Matrix error code.
    * ``message``: the text of ``error`` in the body, unless the ``raise`` gives another one.
    * ``extra``: further members of the body.

    Source: `standard error response <https://spec.matrix.org/latest/client-server-api/#standard-error-response>`__.
    """

    status: ClassVar[int] = 500
    errcode: ClassVar[str] = "M_UNKNOWN"
    message: ClassVar[str] = "Something went wrong"

    def __init__(self, message: str | None = None, **extra: object) -> None:
        super().__init__(message or self.message)
        self.extra = extra

    def body(self) -> dict[str, object]:
        """Return the JSON object for the client: ``errcode``, ``error`` and the extra members."""
        return {"errcode": self.errcode, "error": str(self), **self.extra}

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that belong to this error."""
        return ()


class Unavailable(MatrixError):
    """Raised by stores, senders and other ports that cannot serve at the moment. The client may repeat the request.

    Nothing of the request was carried out, or it is safe to carry it out again. The response has ``Retry-After: 5``.
    Source: this project; the specification has no errcode for it.
    """

    status, errcode = 503, "M_UNKNOWN"
    message = "The server cannot do this right now: please try again"

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", "5"),)


class UiaRequired(MatrixError):
    """Raised by the host's ``Uia`` port while user-interactive authentication is not finished.

    * ``state``: the whole body of the 401 response: ``flows``, ``session``, ``params``, ``completed``.

    Source: `user-interactive authentication <https://spec.matrix.org/latest/client-server-api/#user-interactive-authentication-api>`__.
    """

    status = 401

    def __init__(self, state: dict[str, object]) -> None:
        super().__init__("User-interactive authentication required")
        self.state = state

    def body(self) -> dict[str, object]:
        return self.state


class ChallengeRequired(UiaRequired):
    """Raised for a message that the host's ``Gate`` sends only after a challenge, such as a captcha.

    * ``state``: the whole body of the 401 response: ``flows``, ``session``, ``params``.

    Source: this project; the specification knows no user-interactive authentication at these endpoints.
    """


class ConfigurationError(Exception):
    """Raised while a host starts whose wiring or policy cannot work, and for answers that a port must not give.

    It is not a ``MatrixError``: a client that causes one receives status 500 from the host.
    """
