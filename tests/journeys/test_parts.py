"""The parts around a server: what they read out of messages and answers, and what they keep to themselves."""

from __future__ import annotations

import json
from email.message import EmailMessage
from pathlib import Path
from smtplib import SMTP

import pytest

from matrix_threepid import run_sync
from matrix_threepid.senders.twilio.sender import TwilioSender
from matrix_threepid.testing.journeys import Surroundings, run
from matrix_threepid.testing.journeys.journey import journey
from matrix_threepid.testing.journeys.visit import Visit
from matrix_threepid.testing.parts import Answer, Certificates, Failed, Mailbox, Message, Phone
from matrix_threepid.testing.rogue import RogueServer


@pytest.mark.parametrize(
    "text",
    [
        "Your code is 123456.",
        "123456 is your code for hs.example.org:8448, valid for 10 minutes. @127.0.0.1 #123456",
        "From +447700900001: 123456",
    ],
)
def test_the_code_is_found(text: str) -> None:
    """Ports, numbers of phones and minutes are no codes."""
    assert Message("+447700900001", text).code == "123456"


def test_the_link_is_found() -> None:
    """A link with a query comes before the one of a footer; a message without any says so."""
    link = "https://hs.example.org/confirm?sid=1&token=2"
    assert Message("a@example.org", f"By https://hs.example.org\n<{link}>").link == link
    with pytest.raises(Failed, match=r"the message to a@example\.org has no link"):
        _ = Message("a@example.org", "Hello").link


def test_mails_in_html_alone_are_read() -> None:
    """A link in HTML is taken as a reader's click would."""
    mailbox, mail = Mailbox(), EmailMessage()
    mail["To"], mail["Subject"] = "a@example.org", "Hello"
    mail.set_content('<a href="https://hs.example.org/?sid=1&amp;token=2">here</a>', subtype="html")
    with mailbox.receiving() as port, SMTP("127.0.0.1", port) as sender:
        sender.send_message(mail, "b@example.org")
        assert mailbox.next("A@example.org").link == "https://hs.example.org/?sid=1&token=2"
    assert (mailbox.count("a@example.org"), mailbox.waiting) == (1, 0)


def test_the_phones_provider_lets_an_operator_try() -> None:
    """``check --online`` and ``send-test-sms`` ask Twilio for the account first; the stand-in has it."""
    phone = Phone()
    with phone.receiving() as url:
        assert run_sync(TwilioSender("AC0", "any", sender="+15005550006", base_url=url).check()) is None
    assert phone.waiting == 0


def test_an_answer_tells_no_secret() -> None:
    """Of an answer only status, error code or flows are repeated."""
    body = {"errcode": "M_FORBIDDEN", "error": "not with s3cret", "access_token": "s3cret"}
    assert Answer(403, "", json.dumps(body).encode()).told == "403: M_FORBIDDEN"
    state = {"flows": [{"stages": ["m.login.dummy"]}], "session": "s3cret"}
    assert Answer(401, "", json.dumps(state).encode()).told == "401: flows [['m.login.dummy']]"
    assert Answer(500, "", b"s3cret").told == "500"


def test_an_authority_is_kept(tmp_path: Path) -> None:
    """The second time it is the one of the first; its key is nobody else's to read."""
    file, key = tmp_path / "authority.pem", tmp_path / "authority.pem.key"
    Certificates.at(file)
    before = file.read_bytes(), key.read_bytes()
    Certificates.at(file, "localhost")
    assert (file.read_bytes(), key.read_bytes(), key.stat().st_mode & 0o077) == (*before, 0)


@journey()
def read_what_is_not_there(visit: Visit) -> None:
    """Ask a server that has never heard of Matrix."""
    visit.step("read it")
    visit.stranger().call("GET", "/")


@journey()
def misread(visit: Visit) -> None:
    """Rely on what an answer need not have."""
    visit.step("read it")
    json.loads("{}")["s3cret"]


def test_an_answer_of_another_form_fails_a_story() -> None:
    """Whatever a server answers, the story ends with a sentence about its step, without values."""
    (result,) = run([misread], Surroundings(base_url="http://127.0.0.1:1"))
    assert result.why == "read it: the answer was not of the expected form (KeyError in misread)"


def test_no_answer_fails_a_story() -> None:
    """A server that cannot be reached, or speaks something else, is named by the call."""
    with RogueServer(None).serving() as rogue:
        strange, nobody = f"http://127.0.0.1:{rogue.port}", "http://127.0.0.1:1"
        whys = [next(run([read_what_is_not_there], Surroundings(base_url=url))).why for url in (strange, nobody)]
    assert whys == [
        "read it: GET /_matrix/client/v3/: no answer (BadStatusLine)",
        "read it: GET /_matrix/client/v3/: no answer (URLError)",
    ]


def test_a_code_beside_a_link_is_read() -> None:
    """The code of a mail that holds a link as well is the one outside of the link."""
    message = Message(
        "a@example.org", "Open\n\nhttps://hs.example.org/?sid=1234567&token=7654321\n\nor type\n\n402913\n"
    )
    assert (message.link.endswith("7654321"), message.code) == (True, "402913")
