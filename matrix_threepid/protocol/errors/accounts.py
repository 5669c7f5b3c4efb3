"""Errors about accounts: names and passwords."""

from __future__ import annotations

from .base import MatrixError


class UserInUse(MatrixError):
    """The wanted user name is taken.

    Source: `register <https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3register>`__.
    """

    status, errcode = 400, "M_USER_IN_USE"
    message = "This user name is taken"


class InvalidUsername(MatrixError):
    """The wanted user name breaks the grammar of user ids.

    Source: `user identifiers <https://spec.matrix.org/latest/appendices/#user-identifiers>`__.
    """

    status, errcode = 400, "M_INVALID_USERNAME"
    message = "username: must be lower-case letters, digits and . _ = - / + only"


class WeakPassword(MatrixError):
    """The host refuses the password.

    Source: `notes on password management
    <https://spec.matrix.org/latest/client-server-api/#notes-on-password-management>`__.
    """

    status, errcode = 400, "M_WEAK_PASSWORD"
    message = "This password is too weak"
