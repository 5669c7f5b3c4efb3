"""``python -m matrix_threepid check --config FILE``, of a host that has the shared sections in JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from sms.plain import provider
from smtp.sink import sink

from matrix_threepid.__main__ import main

from .running import PASSWORD, ran, shared, smtp, twilio, written

GB = {"countries": ["GB"]}


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"sms": None, **GB, "twilio": twilio()},
        {"sms": None, "twilio": {**twilio(), **GB}},
        {"sms": None, **GB, "gateway": {"url": "http://127.0.0.1:1/?key=" + PASSWORD, "template": {"to": "$number"}}},
    ],
    ids=["in sms", "at the top", "in twilio", "by a gateway"],
)
def test_sms_may_stand_anywhere(sections: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever hosts have SMS in their file, they are found, and no secret is printed."""
    assert main(["check", "--config", written(tmp_path, shared(**sections))]) == 0
    shown = capsys.readouterr().out
    assert "email: by SmtpSender\nmsisdn: by " in shown
    assert ", to GB; 200 an hour, 1000 a day, 500 a day to each\n" in shown
    assert PASSWORD not in shown


def test_what_belongs_to_the_host_alone_is_left_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings that no section shares are named, so that a misspelled one is seen."""
    file = written(tmp_path, shared(smtp=None, smpt=smtp(), listen="127.0.0.1:8008", languages=["de"]))
    assert main(["check", "--config", file]) == 0
    shown = capsys.readouterr().out
    assert "not looked at: smpt, listen\n" in shown
    assert "languages: ['de'], in place of ['en']" in shown
    assert "email: by" not in shown


def test_what_the_file_says_is_not_suggested(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the stricter choices those are named that the policy section does not make; it can make all of them."""
    policy = {"legacy_add": "uia", "code_digits": 8}
    assert main(["check", "--config", written(tmp_path, shared(policy=policy))]) == 0
    shown = capsys.readouterr().out.partition("could be stricter")[2]
    assert "True, in place of False:\n    hide_known_addresses\n    deferred_sending\n" in shown
    assert "password_reset_by: 'code', in place of None" in shown
    assert "legacy_add" not in shown
    assert "code_digits" not in shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"public_base_url": None, "sms": None}, "email: has a sender, but policy.public_base_url is not set"),
        ({"smtp": None, "sms": None}, "senders: there is none, so no address can be validated"),
        ({"sms": None, "twilio": twilio()}, "msisdn: has a sender, but policy.sms.countries names none"),
    ],
)
def test_what_cannot_work_is_wrong(
    changes: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 1, and the reason."""
    assert main(["check", "--config", written(tmp_path, shared(**changes))]) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"server_name": None}, "server_name: is required"),
        ({"smtp": {**smtp(), "from": "nobody"}}, "smtp.from: must be user@domain"),
        ({"sms": {**GB, "twilio": {**twilio(), "account_sid": PASSWORD}}}, "sms.twilio.account_sid: must be"),
        ({"sms": {**GB, "twilio": {**twilio(), "token": PASSWORD}}}, "sms.twilio.token: there is no such setting"),
        ({"twilio": twilio()}, "give one of sms, twilio and gateway"),
        ({"public_base_url": "http://matrix.example.org"}, "policy.public_base_url: must be https"),
        ({"identity_servers": {"ca_file": "/nowhere"}}, "identity_servers.ca_file: No such file"),
    ],
)
def test_a_setting_that_cannot_be_is_named_in_one_line(
    changes: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 2 and one line with the name of the setting; never its value."""
    assert main(["check", "--config", written(tmp_path, shared(**changes))]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n"), PASSWORD in shown.err) == ("", 1, False)
    assert shown.err.startswith(f"check: {said}")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("host.json", "{", "The body is not valid JSON"),
        ("host.json", "[]", "must be a JSON object"),
        ("host.yaml", f"a: 1\npassword: '{PASSWORD}", "is no YAML, line 2"),
        ("host.yml", "- a", "must be an object"),
        ("nowhere.json", None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    name: str, content: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 2 and one line with the file, and nothing of what is in it."""
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    assert main(["check", "--config", str(file)]) == 2
    told = capsys.readouterr().err
    assert (told.count("\n"), said in told, str(file) in told, PASSWORD in told) == (1, True, True, False)


def test_yaml_without_its_reader_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where PyYAML is missing, the operator hears of it."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert main(["check", "--config", written(tmp_path, shared(), "host.yaml")]) == 2
    assert "YAML needs PyYAML" in capsys.readouterr().err


def test_mail_server_and_provider_are_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--online`` asks both, sends nothing, and says what they say."""
    with sink() as mails, provider() as account:
        sections = {"smtp": smtp(mails.port), "sms": {**GB, "twilio": twilio(account.url)}}
        file = written(tmp_path, shared(**sections))
        assert main(["check", "--config", file, "--online"]) == 0
    assert (mails.mails, [method for method, *_ in account.heard]) == ([], ["GET"])
    with provider(401, b'{"code": 20003, "status": 401, "message": "Authenticate"}') as account:
        file = written(tmp_path, shared(smtp=None, sms={**GB, "twilio": twilio(account.url)}))
        assert main(["check", "--config", file, "--online"]) == 1
    assert "msisdn, online: Twilio 20003" in capsys.readouterr().out


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    """The command works as operators call it, for people and for machines."""
    file = written(tmp_path, shared())
    done = ran("check", "--config", file, where=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "links: https://matrix.example.org")
    found = json.loads(ran("check", "--config", file, "--json", where=tmp_path).stdout)
    assert found[0] == {"kind": "fact", "about": "links", "text": "https://matrix.example.org"}
