"""``/register``, ``/account/password`` and ``/account/deactivate``, for hosts with an ``AccountKeeper``."""

from . import deactivate, password, register

ACCOUNTS = (*register.ENDPOINTS, *password.ENDPOINTS, *deactivate.ENDPOINTS)
"""The endpoints of accounts, which a homeserver serves beside its own table if it has a ``keeper``."""
