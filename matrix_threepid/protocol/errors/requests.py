"""Errors about the form of a request, at any endpoint."""

from __future__ import annotations

from .base import MatrixError


class NotJson(MatrixError):
    """Raised for a body that is not valid JSON.

    Source: `common error codes <https://spec.matrix.org/latest/client-server-api/#common-error-codes>`__.
    """

    status, errcode = 400, "M_NOT_JSON"
    message = "The body is not valid JSON"


class BadJson(MatrixError):
    """Raised for valid JSON that is not an object, or that holds what not every JSON parser reads alike.

    Such are members that appear twice, lone surrogates, numbers out of range and deep nesting.

    Source: `common error codes <https://spec.matrix.org/latest/client-server-api/#common-error-codes>`__.
    """

    status, errcode = 400, "M_BAD_JSON"
    message = "The body must be a JSON object"


class MissingParam(MatrixError):
    """Raised for a body without a required member. The text names the member.

    Source: `other error codes <https://spec.matrix.org/latest/client-server-api/#other-error-codes>`__.
    """

    status, errcode = 400, "M_MISSING_PARAM"
    message = "A required member is missing"


class InvalidParam(MatrixError):
    """Raised for a member of the wrong type or with a value that breaks its rule. The text names both.

    Source: `other error codes <https://spec.matrix.org/latest/client-server-api/#other-error-codes>`__.
    """

    status, errcode = 400, "M_INVALID_PARAM"
    message = "A member is not valid"


class TooLarge(MatrixError):
    """Raised for a body of more than ``Policy.max_body`` bytes.

    Source: `other error codes <https://spec.matrix.org/latest/client-server-api/#other-error-codes>`__.
    """

    status, errcode = 413, "M_TOO_LARGE"
    message = "The request is too large"


class Unrecognized(MatrixError):
    """Raised for a path without an endpoint, and for an endpoint that this host's wiring turns off.

    Source: `common error codes <https://spec.matrix.org/latest/client-server-api/#common-error-codes>`__.
    """

    status, errcode = 404, "M_UNRECOGNIZED"
    message = "Unrecognized request"


class NotFound(MatrixError):
    """Raised at the identity API for a key that this server does not have.

    Source: `common error codes <https://spec.matrix.org/latest/client-server-api/#common-error-codes>`__.
    """

    status, errcode = 404, "M_NOT_FOUND"
    message = "This was not found"


class MethodNotAllowed(Unrecognized):
    """Raised for a path that has endpoints, none of them with the request's method.

    * ``methods``: the methods for the ``Allow`` header; ``OPTIONS`` is added.

    Source: `common error codes <https://spec.matrix.org/latest/client-server-api/#common-error-codes>`__.
    """

    status = 405
    message = "This method is not offered here"

    def __init__(self, *methods: str) -> None:
        super().__init__()
        self.methods = methods

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Allow", ", ".join((*self.methods, "OPTIONS"))),)


class LimitExceeded(MatrixError):
    """Raised for a request beyond a limit.

    * ``retry_after_ms``: ms after which the same request would be granted; also sent as ``Retry-After`` in seconds.

    Source: `rate limiting <https://spec.matrix.org/latest/client-server-api/#rate-limiting>`__.
    """

    status, errcode = 429, "M_LIMIT_EXCEEDED"
    message = "Too many requests"

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(retry_after_ms=retry_after_ms)
        self.retry_after_ms = retry_after_ms

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", str(-(-self.retry_after_ms // 1000))),)
