"""``SmtpSender`` against mail servers that fail, lie, stall or die."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from smtp.messages import LINK, SENDER, SERVER_NAME, told
from smtp.scripted import Action, Scripted, Talk, drip, flood, hang_up, scripted, silence
from smtp.sink import free_port, trusting

from matrix_threepid import run_sync
from matrix_threepid.model.message import Accepted, Outcome, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.senders.smtp.sender import SmtpSender
from matrix_threepid.texts.catalogue import Texts

SHORT = 150
"""The ms a sending may take where its server never comes to an end."""
STARTTLS = b"250-here\r\n250 STARTTLS\r\n"


def sender_to(port: int, **options: Any) -> SmtpSender:
    usual = {"sender": SENDER, "server_name": SERVER_NAME, "tls": "off"}
    return SmtpSender("127.0.0.1", port, **{**usual, **options})


@contextmanager
def sending_to(*scripts: Mapping[str, Action], **options: Any) -> Iterator[tuple[Scripted, SmtpSender]]:
    """Run a server that follows the scripts and a sender wired to it."""
    with scripted(*scripts) as server, closing(sender_to(server.port, **options)) as sender:
        yield server, sender


def send(sender: SmtpSender, **changes: Any) -> Outcome:
    return run_sync(sender.send(told(**changes)))


# -- before the mail is handed over: it may be tried again --------------------------------------------

_BEFORE: dict[str, tuple[dict[str, Action], str]] = {
    "greets with 554": ({"greeting": b"554 no\r\n"}, "the greeting was answered 554"),
    "greets with 421": ({"greeting": b"421 busy\r\n"}, "the greeting was answered 421"),
    "greets with nonsense": ({"greeting": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, "the greeting was answered -1"),
    "hangs up at once": ({"greeting": hang_up}, "the server hung up"),
    "says nothing": ({"greeting": silence}, "out of time"),
    "drips": ({"greeting": drip}, "out of time"),
    "greets without end": ({"greeting": flood(b"220-more\r\n" * 1000)}, "the server talks too much"),
    "greets with 1 MB": ({"greeting": b"220 " + b"x" * 1_000_000 + b"\r\n"}, "answer 500"),
    "refuses EHLO": ({"EHLO": b"502 no\r\n"}, "EHLO was answered 502"),
    "hangs up at MAIL": ({"MAIL": hang_up}, "the server hung up"),
    "refuses MAIL": ({"MAIL": b"550 no\r\n"}, "MAIL was answered 550"),
    "hangs up at RCPT": ({"RCPT": hang_up}, "the server hung up"),
    "stalls at RCPT": ({"RCPT": silence}, "out of time"),
    "drips at RCPT": ({"RCPT": drip}, "out of time"),
    "closes at RCPT": ({"RCPT": b"421 4.3.2 going down\r\n"}, "RCPT was answered 421 4.3.2"),
    "hangs up at DATA": ({"DATA": hang_up}, "the server hung up"),
    "delays at DATA": ({"DATA": b"451 later\r\n"}, "DATA was answered 451"),
}


@pytest.mark.parametrize("case", _BEFORE)
def test_what_fails_before_the_mail_may_be_tried_again(case: str) -> None:
    """A server that fails before it has the mail gives ``RefusedForNow``, and in time."""
    script, reason = _BEFORE[case]
    with sending_to(script) as (server, sender):
        assert send(sender, deadline=SHORT if reason == "out of time" else 5_000) == RefusedForNow(reason)
        assert not server.mails


def test_a_server_that_is_not_there_may_be_back_later() -> None:
    """A refused connection gives ``RefusedForNow``, and the check names it too."""
    with closing(sender_to(free_port())) as sender:
        assert send(sender) == RefusedForNow("Connection refused")
        assert run_sync(sender.check()) == "Connection refused"


def test_a_name_that_does_not_resolve_may_be_back_later() -> None:
    """A host without address gives ``RefusedForNow``."""
    with closing(SmtpSender("mail.invalid.", sender=SENDER, server_name=SERVER_NAME)) as sender:
        assert isinstance(send(sender), RefusedForNow)


def test_a_refusal_at_data_is_final() -> None:
    """A 5xx to DATA judges this mail: trying it again is of no use."""
    with sending_to({"DATA": b"554 5.5.1 no valid recipients\r\n"}) as (_, sender):
        assert send(sender) == RefusedForever("DATA was answered 554 5.5.1")


def test_a_server_that_dies_in_the_middle_of_a_mail_has_not_got_it(tmp_path: Path) -> None:
    """As long as the final dot could not be written, the mail counts as not sent."""

    def die(talk: Talk) -> None:
        talk.sock.sendall(b"354 go on\r\n")
        talk.reader.read(1000)
        talk.end()

    long = "{% if 'bob' in details[0][1] %}{{ 'a long line of no importance ' * 1000000 }}{% endif %}"
    (tmp_path / "mail.txt").write_text(f"{{{{ link }}}}\n{{{{ code }}}}\n{long}")
    with sending_to({"DATA": die}, texts=Texts(tmp_path)) as (_, sender):
        assert isinstance(send(sender), RefusedForNow)


# -- after the mail is handed over: nobody knows ------------------------------------------------------

_AFTER: dict[str, tuple[Action, str]] = {
    "hangs up": (hang_up, "no answer to the mail: the server hung up"),
    "says nothing": (silence, "no answer to the mail: out of time"),
    "drips": (drip, "no answer to the mail: out of time"),
    "answers 1 MB": (b"250 " + b"x" * 1_000_000 + b"\r\n", "no answer to the mail: answer 500"),
    "answers nonsense": (b"fine\r\n", "the answer to the mail makes no sense"),
    "asks for more": (b"354 more\r\n", "the answer to the mail makes no sense"),
}


@pytest.mark.rule("SEC-35", "SEC-120")
@pytest.mark.parametrize("case", _AFTER)
def test_without_an_answer_to_the_mail_nobody_knows(case: str) -> None:
    """Once the final dot is written, anything but an answer is ``Unknown``, never a failure."""
    action, reason = _AFTER[case]
    with sending_to({"dot": action}) as (server, sender):
        assert send(sender, deadline=SHORT if "time" in reason else 5_000) == Unknown(reason)
        assert len(server.mails) == 1


def test_a_deadline_that_has_passed_sends_nothing() -> None:
    """Time spent before the exchange, waiting for a thread, counts: a mail that is too late is not begun."""

    async def late(work: Any) -> Any:
        return work()

    with sending_to(offload=late) as (server, sender):
        assert send(sender, deadline=0) == RefusedForNow("out of time")
        assert not server.heard("MAIL")


# -- TLS ----------------------------------------------------------------------------------------------


def promise(talk: Talk) -> None:
    """Agree to TLS and never begin it."""
    talk.sock.sendall(b"220 go\r\n")
    silence(talk)


_NO_TLS: dict[str, tuple[dict[str, Action], str]] = {
    "not offered": ({}, "STARTTLS is not offered"),
    "refused": ({"EHLO": STARTTLS, "STARTTLS": b"454 4.7.0 not now\r\n"}, "STARTTLS was answered 454 4.7.0"),
    "followed by plain text": (
        {"EHLO": STARTTLS, "STARTTLS": b"220 go\r\n250-AUTH PLAIN\r\n250 ok\r\n"},
        "the server sent something between STARTTLS and TLS",
    ),
    "never begun": ({"EHLO": STARTTLS, "STARTTLS": promise}, "out of time"),
}


@pytest.mark.rule("SEC-51")
@pytest.mark.parametrize("case", _NO_TLS)
def test_without_tls_neither_password_nor_address_is_sent(case: str) -> None:
    """Where STARTTLS does not come about, the sender leaves before AUTH and RCPT; the check says why."""
    script, reason = _NO_TLS[case]
    login = {"username": "bob", "password": "builder", "context": trusting()}
    with sending_to(script, tls="starttls", **login) as (server, sender):
        assert send(sender, deadline=SHORT if reason == "out of time" else 5_000) == RefusedForNow(reason)
        assert not server.heard("AUTH") + server.heard("MAIL") + server.heard("RCPT")


def test_a_login_that_is_not_offered_is_not_skipped() -> None:
    """A sender with a password does not send without logging in."""
    with sending_to(username="bob", password="builder") as (server, sender):
        assert isinstance(send(sender), RefusedForNow)
        assert not server.heard("MAIL")


# -- the kept connection ------------------------------------------------------------------------------


def _once_then(action: Action) -> Action:
    """Act as usual on the first call and as told on the next."""
    turns: list[Action] = [b"250 ok\r\n", action]

    def act(talk: Talk) -> None:
        turn = turns.pop(0)
        talk.sock.sendall(turn) if isinstance(turn, bytes) else turn(talk)

    return act


@pytest.mark.parametrize("stage", ["MAIL", "RCPT"])
@pytest.mark.parametrize("death", [hang_up, b"421 4.4.2 idle\r\n"], ids=["hang up", "421"])
def test_a_kept_connection_that_died_is_replaced_once(stage: str, death: Action) -> None:
    """The next mail goes over a new connection, and is sent once."""
    with sending_to({stage: _once_then(death)}, {}) as (server, sender):
        assert isinstance(send(sender), Accepted)
        assert isinstance(send(sender), Accepted)
        assert (server.connections, len(server.mails)) == (2, 2)


def test_a_kept_connection_that_dies_after_the_mail_is_not_replaced() -> None:
    """When a mail was handed over it is not sent again, whatever connection it went over."""
    with sending_to({"dot": _once_then(hang_up)}, {}) as (server, sender):
        assert isinstance(send(sender), Accepted)
        assert isinstance(send(sender), Unknown)
        assert (server.connections, len(server.mails)) == (1, 2)


@pytest.mark.rule("SEC-35")
def test_a_server_that_says_too_much_is_not_kept() -> None:
    """A connection with an unread answer is not used again: the next mail would take it for its own."""
    with sending_to({"dot": b"250 ok\r\n250 ok\r\n"}) as (server, sender):
        assert isinstance(send(sender), Accepted)
        assert isinstance(send(sender), Accepted)
        assert server.connections == 2


def test_a_connection_is_not_kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was idle longer than ``MAX_IDLE`` is not tried again."""
    monkeypatch.setattr("matrix_threepid.senders.smtp._kept.MAX_IDLE", -1.0)
    with sending_to() as (server, sender):
        send(sender)
        send(sender)
        assert server.connections == 2


def test_a_closed_sender_starts_anew() -> None:
    """Closing drops the kept connection; the sender stays usable."""
    with sending_to() as (server, sender):
        send(sender)
        sender.close()
        assert isinstance(send(sender), Accepted)
        assert server.connections == 2


# -- what goes over the wire --------------------------------------------------------------------------


def test_the_dialogue_is_the_shortest_there_is() -> None:
    """One EHLO with the sender's domain, one MAIL, RCPT and DATA; addresses stand as they are."""
    with sending_to() as (server, sender):
        send(sender)
        assert [line.replace(b"ehlo", b"EHLO") for line in server.lines] == [
            b"EHLO hs.example.org\r\n",
            b"MAIL FROM:<noreply@hs.example.org>\r\n",
            b"RCPT TO:<bob@example.org>\r\n",
            b"DATA\r\n",
        ]


def test_reasons_and_logs_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Neither outcome nor log repeats address or link, even when the server does."""
    quoting = f"550 <bob@example.org> {LINK}\r\n".encode()
    for stage in ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot"):
        with sending_to({stage: quoting}) as (_, sender):
            told_to_operator = repr(send(sender)) + caplog.text
        assert "550" in told_to_operator
        assert "bob@" not in told_to_operator
        assert "s3cret" not in told_to_operator


def test_nothing_heavy_is_loaded_before_the_first_mail() -> None:
    """Making a sender loads neither smtplib nor ssl nor socket."""
    made = f"from matrix_threepid.senders import SmtpSender; SmtpSender('h', sender={SENDER!r}, server_name='s')"
    shown = f"import sys; {made}; print(sorted({{'smtplib', 'ssl', 'socket'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", shown], capture_output=True, check=True).stdout == b"[]\n"  # noqa: S603
