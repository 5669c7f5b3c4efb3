"""Our bytes of a mail against those of the standard library's message objects (decision 40).

How long each takes, for the figures of the decision::

    PYTHONPATH=tests:. python -m timeit -s "from test_mime import GERMAN, ours" "ours(GERMAN)"
    PYTHONPATH=tests:. python -m timeit -s "from test_mime import GERMAN, mime_multipart" "mime_multipart(GERMAN)"
    PYTHONPATH=tests:. python -m timeit -s "from test_mime import GERMAN, email_message" "email_message(GERMAN)"
"""

from __future__ import annotations

from email.header import Header
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP, SMTPUTF8, compat32

import pytest
from attrs import evolve, frozen
from smtp.messages import parsed

from matrix_threepid.senders.smtp import _mime


@frozen
class Written:
    """What a mail is made of, apart from the headers of MIME."""

    recipient: str
    subject: str
    text: str
    html: str

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (
            ("From", '"Example, Inc." <noreply@example.org>'),
            ("To", self.recipient),
            ("Date", "Tue, 14 Nov 2023 22:13:20 -0000"),
            ("Message-ID", "<1797a4f1.0123456789abcdef@example.org>"),
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "All"),
        )


ENGLISH = Written(
    "bob@example.org",
    "Confirm your address for hs.example.org",
    "Somebody wants to add this address.\n\n.\nhttps://hs.example.org/submit?sid=a&token=b=c\n",
    '<p lang="en">Somebody wants to add this address.</p>\n<a href="https://hs.example.org/submit?sid=a">open</a>\n',
)
GERMAN = Written(
    "bob@example.org",
    "Bestätigen Sie Ihre Adresse für hs.example.org",
    "Jemand möchte diese Adresse hinzufügen.\nhttps://hs.example.org/submit?sid=a&token=b\n" * 5,
    '<p lang="de">Jemand möchte diese Adresse hinzufügen.</p>\n' * 10,
)


def ours(mail: Written) -> bytes:
    return _mime.message(mail.headers, mail.subject, mail.text, mail.html)


def email_message(mail: Written) -> bytes:
    made = EmailMessage(policy=(SMTP if mail.recipient.isascii() else SMTPUTF8).clone(cte_type="7bit"))
    for name, value in mail.headers:
        made[name] = value
    made["Subject"] = mail.subject
    made.set_content(mail.text)
    made.add_alternative(mail.html, subtype="html")
    return made.as_bytes()


def mime_multipart(mail: Written) -> bytes:
    made = MIMEMultipart("alternative")
    for name, value in mail.headers:
        made[name] = value
    made["Subject"] = Header(mail.subject, "utf-8", header_name="Subject")
    made.attach(MIMEText(mail.text, "plain", "utf-8"))
    made.attach(MIMEText(mail.html, "html", "utf-8"))
    return made.as_bytes(policy=compat32.clone(linesep="\r\n"))


def headers_of(content: bytes) -> list[tuple[str, str]]:
    """Return the headers as a parser reads them.

    Of Content-Type the type only, since boundaries are random; the Subject without its spaces, since ``EmailMessage``
    of older Pythons loses some of them when it folds text that is not ASCII
    (https://github.com/python/cpython/issues/92081).
    """
    mail = parsed(content)
    read = {name.lower(): str(value) for name, value in mail.items()}
    assert len(read) == len(mail.items())
    plain = {"content-type": mail.get_content_type(), "subject": "".join(read["subject"].split())}
    return sorted({**read, **plain}.items())


def parts_of(content: bytes) -> list[tuple[str, str, str]]:
    """Return type, character set and text of each part, in order, as a parser reads them."""
    mail = parsed(content)
    assert not any(piece.defects for piece in mail.walk())
    parts = [(part, part.get_content().replace("\r\n", "\n")) for part in mail.iter_parts()]
    return [(part.get_content_type(), str(part.get_content_charset()), text) for part, text in parts]


@pytest.mark.rule("SEC-15")
@pytest.mark.parametrize(
    "mail",
    [
        ENGLISH,
        GERMAN,
        evolve(ENGLISH, subject=" ".join(["a subject that is folded"] * 8)),
        evolve(GERMAN, subject=" ".join(["größere Bögen über Zeilen"] * 8)),
        evolve(ENGLISH, text="x" * 998 + "\n"),
        evolve(ENGLISH, text="x" * 999 + "\n"),
        evolve(ENGLISH, text="--\n--boundary--\n.\n..\nFrom here\n"),
        evolve(ENGLISH, text="\n", html="\n"),
        evolve(ENGLISH, recipient="bücher@example.org"),
    ],
    ids=[
        "ASCII",
        "UTF-8",
        "long ASCII subject",
        "long UTF-8 subject",
        "longest line",
        "too long a line",
        "lines that look like others",
        "empty",
        "international recipient",
    ],
)
def test_a_parser_reads_our_mail_as_it_reads_that_of_the_standard_library(mail: Written) -> None:
    """Our bytes and those of ``EmailMessage`` have the same headers and the same parts."""
    theirs = email_message(mail)
    assert headers_of(ours(mail)) == headers_of(theirs)
    assert parsed(ours(mail))["Subject"] == mail.subject
    assert parts_of(ours(mail)) == parts_of(theirs)
    assert [kind for kind, _, _ in parts_of(theirs)] == ["text/plain", "text/html"]
