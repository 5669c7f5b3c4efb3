"""``SmtpSender`` against a real mail server on loopback."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from threading import Barrier, Thread
from typing import Any

import pytest
import trustme
from smtp.messages import LINK, SENDER, SERVER_NAME, link_in, parsed, part, told
from smtp.sink import Sink, certified, knows_bob, sink, trusting

from matrix_threepid import ConfigurationError, run_sync
from matrix_threepid.model.message import Accepted, Outcome, RefusedForever, RefusedForNow, TokenMessage
from matrix_threepid.senders.smtp.sender import SmtpSender


@contextmanager
def sender_for(server: Any, **options: Any) -> Iterator[SmtpSender]:
    """Return a sender wired to a server, closed in the end."""
    usual = {"host": "localhost", "sender": SENDER, "server_name": SERVER_NAME, "tls": "off"}
    with closing(SmtpSender(port=server.port, **{**usual, **options})) as sender:
        yield sender


def send(sender: SmtpSender, message: TokenMessage | None = None) -> Outcome:
    return run_sync(sender.send(message or told()))


@pytest.fixture(scope="module")
def plain() -> Iterator[Sink]:
    """A mail server without TLS."""
    with sink() as server:
        yield server


@pytest.fixture(scope="module")
def plain_sender(plain: Sink) -> Iterator[SmtpSender]:
    """A sender wired to it, whose layouts are read once for all tests."""
    with sender_for(plain) as sender:
        yield sender


@pytest.mark.rule("SEC-11")
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_server_gets_the_mail_that_was_composed(plain: Sink, language: str) -> None:
    """A sent mail arrives whole, under the envelope its headers name, and the outcome gives its Message-ID."""
    with sender_for(plain) as sender:
        outcome = send(sender, told(language=language))
    assert outcome == Accepted(str(parsed(plain.last())["Message-ID"]))
    assert (plain.mails[-1].mail_from, plain.mails[-1].rcpt_tos) == (SENDER, ["bob@example.org"])
    assert link_in(plain.last()) == LINK


# -- TLS and login ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mail_travels_under_verified_tls(tls: str) -> None:
    """With either kind of TLS the mail arrives over an encrypted connection."""
    with tls_sink(tls, certified()) as server, sender_for(server, tls=tls, context=trusting()) as sender:
        assert isinstance(send(sender), Accepted)
        assert server.heard["RCPT"] == 1


@contextmanager
def tls_sink(tls: str, context: Any, **options: Any) -> Iterator[Sink]:
    kind = {"ssl_context": context} if tls == "implicit" else {"tls_context": context, "require_starttls": True}
    with sink(**kind, **options) as server:
        yield server


_YESTERDAY = datetime.now(timezone.utc) - timedelta(days=1)
_BAD_CERTIFICATES = {
    "not trusted": lambda: certified(ca=trustme.CA()),
    "another name": lambda: certified("mail.example.org"),
    "expired": lambda: certified(not_before=_YESTERDAY - timedelta(days=1), not_after=_YESTERDAY),
}


@pytest.mark.rule("SEC-51")
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("flaw", _BAD_CERTIFICATES)
def test_a_certificate_that_does_not_verify_ends_it(tls: str, flaw: str) -> None:
    """Without a good certificate no password and no address is sent."""
    login = {"username": "bob", "password": "builder"}
    with tls_sink(tls, _BAD_CERTIFICATES[flaw]()) as server:
        with sender_for(server, tls=tls, context=trusting(), **login) as sender:
            outcome = send(sender)
        assert isinstance(outcome, RefusedForNow)
        assert outcome.reason.startswith("certificate: ")
        assert not server.heard["AUTH"] + server.heard["RCPT"]


def test_the_default_context_trusts_no_stranger() -> None:
    """Without a context of the host's, certificates are verified against the system's authorities."""
    with tls_sink("starttls", certified()) as server, sender_for(server, tls="starttls") as sender:
        assert isinstance(send(sender), RefusedForNow)
        assert not server.heard["RCPT"]


@pytest.mark.parametrize(("password", "accepted"), [("builder", True), ("wrecker", False)])
def test_a_login_is_made_and_must_succeed(password: str, accepted: bool) -> None:
    """The sender logs in under TLS; if that fails nothing is sent, and it may be tried again later."""
    login = {"username": "bob", "password": password, "tls": "starttls", "context": trusting()}
    with tls_sink("starttls", certified(), authenticator=knows_bob, auth_required=True) as server:
        with sender_for(server, **login) as sender:
            outcome = send(sender)
            problem = run_sync(sender.check())
        assert isinstance(outcome, Accepted) is accepted
        assert (problem is None) is accepted
        assert len(server.mails) == accepted
    if not accepted:
        assert outcome == RefusedForNow("AUTH: answer 535")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"host": "mail.example.org", "tls": "off", "username": "u", "password": "p"}, "without TLS"),
        ({"username": "u"}, "give both or neither"),
        ({"username": "u", "password": "pässword"}, "ASCII"),
        ({"server_name": "a\r\nb"}, "server_name"),
        ({"sender": "nobody"}, "sender"),
    ],
)
def test_wiring_that_is_wrong_says_so_when_it_is_made(options: dict[str, Any], named: str) -> None:
    """What could never work, or never safely, is refused before the first mail."""
    usual = {"host": "localhost", "sender": SENDER, "server_name": SERVER_NAME}
    with pytest.raises(ConfigurationError, match=named):
        SmtpSender(**{**usual, **options})


@pytest.mark.rule("SEC-51")
@pytest.mark.parametrize(("host", "warned"), [("mail.example.org", 1), ("localhost", 0), ("127.0.0.1", 0), ("::1", 0)])
def test_mail_in_the_open_is_warned_about(caplog: pytest.LogCaptureFixture, host: str, warned: int) -> None:
    """Turning TLS off for anything but this machine logs a warning when the sender is made."""
    SmtpSender(host, sender=SENDER, server_name=SERVER_NAME, tls="off")
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == warned


def test_a_password_is_not_printed() -> None:
    """The repr of a sender hides its password."""
    sender = SmtpSender("localhost", sender=SENDER, server_name=SERVER_NAME, username="bob", password="builder")
    assert "builder" not in repr(sender)


# -- answers ------------------------------------------------------------------------------------------

_QUOTING = "<bob@example.org> s3cret-of-the-link"


@pytest.mark.parametrize(
    ("command", "answer", "expected"),
    [
        ("MAIL", "550 5.7.1 not you", RefusedForNow("MAIL was answered 550 5.7.1")),
        ("RCPT", f"550 5.1.1 {_QUOTING}", RefusedForever("RCPT was answered 550 5.1.1")),
        ("RCPT", f"553 {_QUOTING}", RefusedForever("RCPT was answered 553")),
        ("RCPT", "451 4.7.1 greylisted", RefusedForNow("RCPT was answered 451 4.7.1")),
        ("RCPT", "530 5.7.0 log in first", RefusedForNow("RCPT was answered 530 5.7.0")),
        ("DATA", f"554 5.7.1 {_QUOTING}", RefusedForever("the mail was answered 554 5.7.1")),
        ("DATA", "452 4.3.1 disk full", RefusedForNow("the mail was answered 452 4.3.1")),
    ],
)
def test_answers_become_outcomes(command: str, answer: str, expected: Outcome) -> None:
    """Only recipient and mail can be refused for ever; reasons have codes and repeat nothing the server wrote."""
    with sink({command: answer}) as server, sender_for(server) as sender:
        assert send(sender) == expected


@pytest.mark.parametrize("offered", [True, False])
def test_an_address_that_is_not_ascii_needs_smtputf8(offered: bool) -> None:
    """A local part beyond ASCII goes out as it is where the server takes it, and is refused for ever elsewhere."""
    with sink(enable_SMTPUTF8=offered) as server, sender_for(server) as sender:
        outcome = send(sender, told(recipient="bücher@xn--exmple-cua.org"))
        assert len(server.mails) == offered
        if not offered:
            assert isinstance(outcome, RefusedForever)
            return
        assert "SMTPUTF8" in server.mails[0].mail_options
        assert server.mails[0].rcpt_tos == ["bücher@xn--exmple-cua.org"]
        assert str(parsed(server.last())["To"]) == "bücher@xn--exmple-cua.org"


# -- injections ---------------------------------------------------------------------------------------

_PAYLOADS = [
    "\r\nBcc: z@evil.example.org",
    "\nBcc: z@evil.example.org",
    "\rBcc: z@evil.example.org",
    "\u2028",
    "\u0085",
    "\u202e",
    "\0",
    "\ud800",
    "=?utf-8?q?=0d=0aBcc:z=40evil.example.org?=",
    "-oQ/tmp",
    "%s%n",
    "{0.__class__}",
    "${token}$",
    "\r\n.leading",
    "\r\n.\r\nMAIL FROM:<x@evil.example.org>",
    ">\r\nRCPT TO:<z@evil.example.org",
    "<b@evil.example.org>",
    ", z@evil.example.org",
    "(comment)",
    "--=\r\nContent-Type: text/html",
]
_FIELDS = {
    "recipient before": lambda payload: {"recipient": f"{payload}bob@example.org"},
    "recipient inside": lambda payload: {"recipient": f"b{payload}ob@example.org"},
    "recipient after": lambda payload: {"recipient": f"bob@example.org{payload}"},
    "account": lambda payload: {"account": f"@bob{payload}:hs.example.org"},
    "origin": lambda payload: {"origin": f"203.0.113.7{payload}"},
    "language": lambda payload: {"language": f"en{payload}"},
}


@pytest.mark.rule("SEC-15")
@pytest.mark.parametrize("payload", _PAYLOADS)
@pytest.mark.parametrize("where", _FIELDS)
def test_nothing_breaks_out_of_its_place(plain: Sink, plain_sender: SmtpSender, where: str, payload: str) -> None:
    """A hostile value is refused before the server hears of it, or arrives as words of one ordinary mail."""
    message, before = told(**_FIELDS[where](payload)), plain.heard.copy()
    outcome = send(plain_sender, message)
    heard = plain.heard - before
    if isinstance(outcome, RefusedForever):
        assert not heard
        return
    assert isinstance(outcome, Accepted)
    assert (heard["MAIL"], heard["RCPT"], heard["DATA"]) == (1, 1, 1)
    _one_ordinary_mail(plain, message.recipient)


def _one_ordinary_mail(server: Sink, recipient: str) -> None:
    found, content = parsed(server.last()), server.last()
    assert [address.addr_spec for address in found["To"].addresses] == [recipient] == server.mails[-1].rcpt_tos
    assert [len(found.get_all(name, [])) for name in ("From", "To", "Cc", "Bcc", "Subject")] == [1, 1, 0, 0, 1]
    assert [piece.get_content_type() for piece in found.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert not any(piece.defects for piece in found.walk())
    assert not found["To"].defects
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert "evil" not in f"{found['To']}{found['From']}{found['Subject']}"
    assert link_in(content) == LINK


@pytest.mark.rule("SEC-15")
def test_dots_at_the_start_of_lines_arrive(plain: Sink, tmp_path: Any) -> None:
    """A line that starts with a dot, or is one, neither ends the mail nor loses its dot."""
    from matrix_threepid.texts.catalogue import Texts

    (tmp_path / "mail.txt").write_text(".\n..\n.a\n{{ link }}\n{{ code }}\n.\n")
    with sender_for(plain, texts=Texts(tmp_path)) as sender:
        assert isinstance(send(sender), Accepted)
    assert part(plain.last(), "plain").splitlines() == [".", "..", ".a", LINK, "", "."]


# -- one connection -----------------------------------------------------------------------------------


def test_a_connection_serves_mail_after_mail() -> None:
    """Mails sent one after another share one connection."""
    with sink() as server, sender_for(server) as sender:
        assert all(isinstance(send(sender), Accepted) for _ in range(5))
        assert (server.heard["connection"], len(server.mails)) == (1, 5)


def test_a_refused_mail_does_not_spoil_the_next() -> None:
    """After a refusal the next mail starts with a clean connection."""
    with sink({"RCPT": "550 no"}) as server, sender_for(server) as sender:
        assert isinstance(send(sender), RefusedForever)
        server.answers.clear()
        assert isinstance(send(sender), Accepted)


def test_threads_share_a_sender() -> None:
    """Mails sent by many threads at once all arrive, each under its own envelope."""
    barrier = Barrier(4)

    def work(number: int) -> None:
        barrier.wait()
        for turn in range(5):
            send(sender, told(recipient=f"u{number}.{turn}@example.org"))

    with sink() as server, sender_for(server) as sender:
        threads = [Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        recipients = [[str(parsed(mail.original_content)["To"])] for mail in server.mails]
        assert recipients == [mail.rcpt_tos for mail in server.mails]
        assert len({to for (to,) in recipients}) == 20


def test_check_says_that_all_is_well() -> None:
    """A check connects, secures, leaves politely, and sends no mail."""
    with tls_sink("starttls", certified()) as server:
        with sender_for(server, tls="starttls", context=trusting()) as sender:
            assert run_sync(sender.check()) is None
        assert not server.heard["MAIL"]
