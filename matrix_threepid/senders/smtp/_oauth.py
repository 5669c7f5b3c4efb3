"""Log in to a mail server with an OAuth 2.0 access token: XOAUTH2, as Google and Microsoft want it.

See https://developers.google.com/workspace/gmail/imap/xoauth2-protocol.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable

from ...model.keys import same
from ._outcomes import LoginRefused

MECHANISM = "XOAUTH2"


def log_in_by_token(connection: smtplib.SMTP, username: str, access_token: Callable[[], str]) -> None:
    """Log in.

    * ``connection``: a connection that has been greeted.
    * ``username``: the account.
    * ``access_token``: returns the token of the account; asked again, once, if the server refuses the first.

    Raises ``LoginRefused`` if the server does not offer XOAUTH2 or there is no token, and ``smtplib.SMTPException`` if
    the server refuses the token.
    """
    if MECHANISM not in connection.esmtp_features.get("auth", "").upper().split():
        raise LoginRefused(f"AUTH: {MECHANISM} is not offered")
    token = _asked(access_token)
    try:
        _say(connection, username, token)
    except smtplib.SMTPAuthenticationError:
        # It may have run out between being read and being used, or have been taken back: then there is a new one.
        if same(renewed := _asked(access_token), token):
            raise
        _say(connection, username, renewed)


def _asked(access_token: Callable[[], str]) -> str:
    """Return a token. Raises ``LoginRefused`` if the host's function raises, or returns no token."""
    try:
        token = access_token()
    except Exception as error:
        # Only the class is told: the text of the error may hold the secret with which tokens are asked for.
        raise LoginRefused(f"AUTH: access_token raised {type(error).__name__}") from None
    # Control characters end the members of the answer, so one inside of the token would make another member of it.
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        raise LoginRefused("AUTH: access_token must return a text of printable ASCII")
    return token


def _say(connection: smtplib.SMTP, username: str, token: str) -> None:
    def answer(challenge: bytes | None = None) -> str:
        # The only challenge is why the token was refused; an empty answer is asked for before the refusal itself.
        return f"user={username}\1auth=Bearer {token}\1\1" if challenge is None else ""

    connection.auth(MECHANISM, answer)
