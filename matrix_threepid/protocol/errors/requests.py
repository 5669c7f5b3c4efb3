"""What is wrong with a request, whichever endpoint it is for."""

from __future__ import annotations

from .base import MatrixError


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


class LimitExceeded(MatrixError):
    """Too many requests; ``retry_after_ms`` says when to come back."""

    status, errcode = 429, "M_LIMIT_EXCEEDED"
    message = "Too many requests"

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(retry_after_ms=retry_after_ms)
        self.retry_after_ms = retry_after_ms

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", str(-(-self.retry_after_ms // 1000))),)
