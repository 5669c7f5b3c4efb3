"""``send-test-mail`` and ``send-test-sms``: one message through what a configuration names, and what came of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from sms.plain import provider
from smtp.sink import sink

from matrix_threepid.__main__ import main
from matrix_threepid.testing.parts import Mailbox

from .running import PASSWORD, PATH, ran, shared, smtp, synapse, twilio, written

MAIL = ("send-test-mail", "--to", "Bob@example.com")
SMS = ("send-test-sms", "--to", "07700 900123")
GB = {"countries": ["GB"]}


def by_twilio(url: str, *countries: str) -> dict[str, Any]:
    """Return the configuration of a host whose Twilio is at a URL."""
    return shared(sms={"countries": countries or ["GB"], "twilio": twilio(url)})


def of_synapse(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Return a ``homeserver.yaml`` with these parts."""
    return synapse({"secret_file": str(folder / "secret"), "endpoints": "client", "delegate_path": PATH, **config})


def test_a_mail_goes_out_as_users_get_it(tmp_path: Path) -> None:
    """The process sends one mail with a link to the host, and tells its Message-ID."""
    mails = Mailbox()
    with mails.receiving() as port:
        done = ran(*MAIL, "--config", written(tmp_path, shared(smtp=smtp(port))), where=tmp_path)
        mail = mails.next("Bob@example.com")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"accepted: <\S+@example\.org>\n", done.stdout)
    assert mail.link == "https://matrix.example.org/_matrix/client/unstable/threepid/email/submit_token?sid=test"


def test_an_sms_goes_out_as_users_get_it(tmp_path: Path) -> None:
    """The process looks at the account and sends one SMS that ends in a code for the host; it tells Twilio's SID."""
    with provider() as account:
        done = ran(*SMS, "--config", written(tmp_path, by_twilio(account.url)), where=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "accepted: SM1\n", "")
    assert [method for method, *_ in account.heard] == ["GET", "POST"]
    form = parse_qs(account.heard[-1][2].decode())
    assert form["To"] == ["+447700900123"]
    assert re.search(r"\n@matrix\.example\.org #\d{6}$", form["Body"][0])


def test_a_gateway_is_used_where_it_is_configured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A provider that gives no name to messages has accepted it all the same."""
    with provider(204, b"") as account:
        gateway = {"url": account.url, "template": {"to": "$digits"}, "headers": {"Authorization": PASSWORD}}
        file = written(tmp_path, shared(sms={**GB, "gateway": gateway}))
        assert main([*SMS, "--config", file]) == 0
    assert capsys.readouterr().out == "accepted\n"
    assert account.heard[-1][2] == b'{"to": "447700900123"}'


def test_synapse_s_module_is_a_configuration_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The senders of the module's section are used; mails that Synapse sends itself cannot be tried, which is said."""
    with sink() as mails, provider() as account:
        parts = {"email": {"smtp": smtp(mails.port)}, "sms": {**GB, "twilio": twilio(account.url)}}
        file = written(tmp_path, of_synapse(tmp_path, parts), "homeserver.yaml")
        assert [main([*what, "--config", file]) for what in (MAIL, SMS)] == [0, 0]
    assert (len(mails.mails), len(account.heard)) == (1, 2)
    file = written(tmp_path, of_synapse(tmp_path, {**parts, "email": {}}), "homeserver.yaml")
    assert main([*MAIL, "--config", file]) == 2
    assert "only email.smtp can be tried" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("550 5.1.1 no such user", "refused for ever: RCPT was answered 550 5.1.1\n"),
        ("451 4.7.1 later", "refused for now: RCPT was answered 451 4.7.1\n"),
    ],
)
def test_what_a_mail_server_refuses_is_told_in_words(
    answer: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 1, and whether trying again makes sense."""
    with sink({"RCPT": answer}) as mails:
        assert main([*MAIL, "--config", written(tmp_path, shared(smtp=smtp(mails.port)))]) == 1
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, b"", "unknown, it may have been sent: "),
        (403, b"", "refused for now: "),
    ],
)
def test_what_a_provider_refuses_is_told_in_words(
    status: int, body: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 1, and what is known of the message."""
    with provider(status, body) as account:
        gateway = {"url": account.url, "template": {"to": "$digits"}}
        assert main([*SMS, "--config", written(tmp_path, shared(sms={**GB, "gateway": gateway}))]) == 1
    assert capsys.readouterr().out.startswith(said)


def test_an_account_that_cannot_be_used_sends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong token and a mail server that is not there are found before anything is sent, and no secret is printed."""
    with provider(401, b'{"code": 20003, "status": 401, "message": "Authenticate"}') as account:
        file = written(tmp_path, by_twilio(account.url))
        assert [main([*what, "--config", file]) for what in (SMS, MAIL)] == [1, 1]
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("nothing was sent: Twilio 20003")
    assert second == "nothing was sent: Connection refused"
    assert [method for method, *_ in account.heard] == ["GET"]


@pytest.mark.parametrize(
    ("countries", "to", "said"),
    [
        (["GB"], "+2347012345678", "users of this number would be refused: country NG, kind usual"),
        (["GB"], "0909 879 0000", "users of this number would be refused: country GB, kind premium_rate"),
        (["GB"], "nonsense", "nonsense is no phone number; write it as +447700900001"),
        (["GB", "IE"], "07700 900123", "07700 900123 is no phone number; write it as +447700900001"),
    ],
)
def test_who_would_be_refused_gets_nothing(
    countries: list[str], to: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rules users meet hold for the operator; where SMS go to one country, its numbers may be written as there."""
    with provider() as account:
        file = written(tmp_path, by_twilio(account.url, *countries))
        assert main(["send-test-sms", "--config", file, "--to", to]) == 1
    assert (capsys.readouterr().out, account.heard) == (f"{said}\n", [])


def test_what_is_no_mail_address_gets_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rules for addresses are those users meet."""
    assert main(["send-test-mail", "--config", written(tmp_path, shared()), "--to", "bob@localhost"]) == 1
    assert capsys.readouterr().out == "bob@localhost is no mail address\n"


def test_a_dry_run_prints_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--dry-run`` prints what would be sent, in the language of the host, and connects to nothing."""
    file = written(tmp_path, shared(policy={"languages": ["de"]}))
    assert [main([*what, "--config", file, "--dry-run"]) for what in (MAIL, SMS)] == [0, 0]
    shown = capsys.readouterr().out
    assert "Adresse" in shown.splitlines()[0]
    assert "\nhttps://matrix.example.org/_matrix/client/" in shown
    assert re.search(r"\n@matrix\.example\.org #\d{6}\n$", shown)


def test_a_mail_without_a_base_url_has_a_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where links lead nowhere yet, the mail can be tried with a code."""
    file = written(tmp_path, shared(public_base_url=None))
    assert main([*MAIL, "--config", file, "--dry-run"]) == 0
    assert re.search(r"^\d{6}$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("what", "changes", "said"),
    [
        (MAIL, {"smtp": None}, "send-test-mail: no sender for email is configured"),
        (SMS, {"sms": None}, "send-test-sms: no sender for msisdn is configured"),
        (SMS, {"sms": {**GB, "twilio": {**twilio(), "from": "+"}}}, "send-test-sms: sms.twilio.from: must be"),
        (MAIL, {"smtp": {**smtp(), "username": "a"}}, "send-test-mail: username, password: give both or neither"),
    ],
)
def test_a_configuration_that_cannot_work_is_named_in_one_line(
    what: tuple[str, ...], changes: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 2, and one line that repeats no value."""
    assert main([*what, "--config", written(tmp_path, shared(**changes))]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n"), PASSWORD in shown.err) == ("", 1, False)
    assert shown.err.startswith(said)
