"""Outcomes of a mail by a mail server's answers (https://www.rfc-editor.org/rfc/rfc5321#section-4.2).

Reasons are for the operator and in our own words: what a server writes may quote the address.
"""

from __future__ import annotations

import re
import smtplib
import ssl

from ...model.message import RefusedForever, RefusedForNow

# Enhanced status codes are digits only, so they may be shown: https://www.rfc-editor.org/rfc/rfc3463
_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?= |$)")
_ABOUT_THE_ADDRESS = ("RCPT", "DATA", "the mail")
_ABOUT_US = (503, 530)
"""Codes for a wrong order of commands and a missing login (https://www.rfc-editor.org/rfc/rfc4954#section-6)."""
_CLOSING = 421  # the server closes the connection


class SmtpRefused(ConnectionError):
    """The server has refused a command; no mail was sent.

    * ``outcome``: the outcome of the mail; its reason is the exception's text.
    * ``closing``: whether the server closes the connection.
    """

    def __init__(self, outcome: RefusedForever | RefusedForNow, closing: bool = False) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome
        self.closing = closing


class LoginRefused(SmtpRefused):
    """The server has refused a login; its other addresses would refuse it as well.

    * ``reason``: what happened, for the operator.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(RefusedForNow(reason))


def refuse(reason: str) -> SmtpRefused:
    """Return what to raise where we refuse to go on with this server; ``reason`` is for the operator."""
    return SmtpRefused(RefusedForNow(reason))


def expect(expected: int, stage: str, code: int, text: bytes) -> None:
    """Raise ``SmtpRefused`` unless an answer is of the expected class.

    * ``expected``: a code of that class; only its first digit counts.
    * ``stage``: the command that was answered, for the reason.
    * ``code``, ``text``: the answer.
    """
    if code // 100 != expected // 100:
        raise SmtpRefused(outcome_of(stage, code, text), closing=code == _CLOSING)


def outcome_of(stage: str, code: int, text: bytes) -> RefusedForever | RefusedForNow:
    """Return the outcome of a mail that was refused at a stage.

    * ``stage``: the command that was answered, or ``"the mail"``.
    * ``code``, ``text``: the answer. Of the text only an enhanced status code is shown.

    For ever only for a 5xx to RCPT, DATA or the mail itself, which are about the recipient: everything before is about
    our host or its account.

    >>> outcome_of("RCPT", 550, b"5.1.1 <bob@example.org>: no such user")
    RefusedForever(reason='RCPT was answered 550 5.1.1', denied=False)
    """
    enhanced = _ENHANCED.match(text)
    reason = f"{stage} was answered {code} {enhanced[0].decode() if enhanced else ''}".rstrip()
    final = stage in _ABOUT_THE_ADDRESS and 500 <= code < 600 and code not in _ABOUT_US
    return RefusedForever(reason) if final else RefusedForNow(reason, outage=code < 500)


def reason(error: Exception) -> str:
    """Return the reason of an error, for the operator; never what the server wrote, which may quote the address."""
    if isinstance(error, SmtpRefused):
        return error.outcome.reason
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answer {error.smtp_code}"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        # smtplib replaces the error of the socket by its own; the first one says more.
        return reason(error.__context__) if isinstance(error.__context__, OSError) else "the server hung up"
    if isinstance(error, TimeoutError):
        return "out of time"
    return str(error.strerror) if isinstance(error, OSError) and error.errno else type(error).__name__


def stuffed(content: bytes) -> bytes:
    r"""Return a mail with doubled dots at the start of lines, and with the final dot.

    See https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2.

    >>> stuffed(b"one\r\n.two\r\n")
    b'one\r\n..two\r\n.\r\n'
    """
    first = b"." if content.startswith(b".") else b""
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    return first + content.replace(b"\r\n.", b"\r\n..") + end
