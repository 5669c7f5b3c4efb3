"""What a mail server's answers mean, in words for the operator that repeat nothing the server wrote."""

from __future__ import annotations

import re
import smtplib
import ssl

from ...model.message import RefusedForever, RefusedForNow

_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?= |$)")
_ABOUT_THE_ADDRESS = ("RCPT", "DATA", "the mail")
_ABOUT_US = (503, 530)
"""Codes that blame the order of commands or a missing login."""
_CLOSING = 421


class SmtpRefused(ConnectionError):
    """The exchange is over, with this outcome; nothing was sent. ``closing``: the server wants no more of us now."""

    def __init__(self, outcome: RefusedForever | RefusedForNow, closing: bool = False) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome
        self.closing = closing


def refuse(why: str) -> SmtpRefused:
    """Return the refusal to go on with this server."""
    return SmtpRefused(RefusedForNow(why))


def expect(wanted: int, stage: str, code: int, text: bytes) -> None:
    """Raise ``Refused`` unless the answer is of the wanted hundred."""
    if code // 100 != wanted // 100:
        raise SmtpRefused(verdict(stage, code, text), closing=code == _CLOSING)


def verdict(stage: str, code: int, text: bytes) -> RefusedForever | RefusedForNow:
    """Return what a refusal means. Only the recipient and the mail itself can be refused for ever."""
    enhanced = _ENHANCED.match(text)
    told = f"{stage} was answered {code} {enhanced[0].decode() if enhanced else ''}".rstrip()
    final = stage in _ABOUT_THE_ADDRESS and 500 <= code < 600 and code not in _ABOUT_US
    return RefusedForever(told) if final else RefusedForNow(told)


def reason(error: Exception) -> str:
    """Return what went wrong; never what the server wrote, it may quote the address."""
    if isinstance(error, SmtpRefused):
        return error.outcome.reason
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answer {error.smtp_code}"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return reason(error.__context__) if isinstance(error.__context__, OSError) else "the server hung up"
    if isinstance(error, TimeoutError):
        return "out of time"
    return str(error.strerror) if isinstance(error, OSError) and error.errno else type(error).__name__


def stuffed(content: bytes) -> bytes:
    """Return a mail as DATA carries it (RFC 5321, 4.5.2), with the final dot."""
    first = b"." if content.startswith(b".") else b""
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    return first + content.replace(b"\r\n.", b"\r\n..") + end
