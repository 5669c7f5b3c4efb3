"""Configuration files in three formats, and secrets outside of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from attrs import frozen

from matrix_threepid import ConfigurationError
from matrix_threepid.settings import (
    Flag,
    GatewaySettings,
    ListOf,
    Nested,
    PolicySettings,
    SmsSettings,
    SmtpSettings,
    Text,
    member,
    read,
    read_document,
    read_file,
)

DATABASE = Text(r"sqlite:///.+", "must be sqlite:///FILE")


@frozen(kw_only=True)
class Config:
    """A host's own settings, and shared sections."""

    database: str | None = member(DATABASE, None, secret=True)
    debug: bool = member(Flag(), False)
    names: tuple[str, ...] = member(ListOf(Text(r"[A-Za-z]+", "must be letters")), ())
    smtp: SmtpSettings | None = member(Nested(SmtpSettings), None)
    sms: SmsSettings | None = member(Nested(SmsSettings), None)
    gateway: GatewaySettings | None = member(Nested(GatewaySettings), None)
    policy: PolicySettings = member(Nested(PolicySettings), PolicySettings())


JSON = """{"names": ["NO", "SE"], "smtp": {"host": "mail.example.org", "tls": "off", "from": "a@example.org"},
"policy": {"legacy_add": "off", "sms": {"countries": ["NO"], "per_number": [{"burst": 3, "per_second": 0.5}]}}}"""
YAML = """
names: [NO, SE]
smtp: {host: mail.example.org, tls: off, from: a@example.org}
policy:
  legacy_add: off
  sms:
    countries: [NO]
    per_number:
      - {burst: 3, per_second: 0.5}
"""
TOML = """
names = ["NO", "SE"]
smtp = {host = "mail.example.org", tls = "off", from = "a@example.org"}
[policy]
legacy_add = "off"
[policy.sms]
countries = ["NO"]
per_number = [{burst = 3, per_second = 0.5}]
"""


def put(folder: Path, name: str, text: str, mode: int = 0o600) -> Path:
    """Write a file with permissions."""
    file = folder / name
    file.write_text(text)
    file.chmod(mode)
    return file


def refusal(given: Any, cls: type[Any] = Config) -> str:
    """Return why settings are refused."""
    with pytest.raises(ConfigurationError) as refused:
        read_file(cls, given) if isinstance(given, Path) else read(cls, given)
    return str(refused.value)


def test_the_three_formats_say_the_same(tmp_path: Path) -> None:
    """JSON, YAML and TOML make equal settings; ``NO`` and ``off`` of YAML are words."""
    made = [
        read_file(Config, put(tmp_path, name, text))
        for name, text in (("c.json", JSON), ("c.yaml", YAML), ("c.YML", YAML), ("c.toml", TOML))
    ]
    assert made[0].names == ("NO", "SE")
    assert made[0].policy.sms.countries == {"NO"}
    assert all(each == made[0] for each in made)


def test_yaml_keeps_texts_that_look_like_numbers(tmp_path: Path) -> None:
    """A plus sign and a leading zero stay; ``null`` and numbers are what they are in JSON."""
    found = read_document(
        put(tmp_path, "c.yaml", "a: +15005550006\nb: 007\nc: ~\nd: 1.5\ne: -3\nf: 12:30\ng: 2024-01-02\n")
    )
    assert found == {"a": "+15005550006", "b": "007", "c": None, "d": 1.5, "e": -3, "f": "12:30", "g": "2024-01-02"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.yaml", "a: [", "is no YAML, line"),
        ("c.yaml", "a: 1\nb: 2\na: 3\n", "line 3: a key is there twice"),
        ("c.yaml", "1: a\n", "line 1: a key must be a text: write it in quotes"),
        ("c.yaml", "!!python/object/apply:os.getcwd []", "is no YAML"),
        ("c.yaml", "", "must be an object"),
        ("c.yaml", "- a\n", "must be an object"),
        ("c.toml", "a = \n", "is no TOML, line 1"),
        ("c.toml", "a = 1\na = 2\n", "is no TOML, line 2"),
        ("c.json", '{"a": 1, "a": 2}', "c.json: "),
        ("c.conf", "a: 1\n", "c.conf: "),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    """The file, and where possible the line, is said; nothing of its content is."""
    told = refusal(put(tmp_path, name, text))
    assert name in told
    assert said in told


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"names": [False]}, "names: must be a list, and each entry must be letters; YAML takes NO, no, off"),
        ({"policy": {"legacy_add": True}}, "policy.legacy_add: must be one of: allow, uia, off; YAML takes NO"),
        ({"debug": "off"}, "debug: must be true or false; write true or false, without quotes"),
        ({"smtp": {"host": "a", "from": "a@b.example", "password": 12345678}}, "smtp.password: must be a text"),
        ({"smtp": {"host": "a", "from": "a@b.example", "port": "2525"}}, "1 to 65535; write it without quotes"),
    ],
)
def test_what_yaml_makes_of_words_is_explained(given: dict[str, Any], said: str) -> None:
    """A switch or a number where a word is meant, and the reverse, is refused with how to write it."""
    told = refusal(given)
    assert said in told
    assert "12345678" not in told
    assert "2525" not in told


def test_a_secret_may_be_in_a_file_of_its_own(tmp_path: Path) -> None:
    """``…_file`` names it; its last line break does not count, and an object is read as JSON."""
    password = put(tmp_path, "password", "pass word\n")
    template = put(tmp_path, "template", json.dumps({"to": "$number", "text": "$text"}))
    url = put(tmp_path, "url", "https://sms.example.org/send?key=k")
    made = read(
        Config,
        {
            "smtp": {"host": "a", "from": "a@b.example", "username": "u", "password_file": str(password)},
            "gateway": {"url_file": str(url), "template_file": str(template)},
        },
    )
    assert made.smtp is not None
    assert made.smtp.password == "pass word"
    assert made.gateway is not None
    assert made.gateway.template == {"to": "$number", "text": "$text"}
    assert made.gateway.url.endswith("?key=k")


def test_a_secret_may_come_from_the_environment_or_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file leaves out is taken from the variable or the credential that is named after it."""
    file = put(tmp_path, "c.yaml", "smtp: {host: a, from: a@b.example, username: u}\n")
    monkeypatch.setenv("MATRIX_THREEPID_SMTP_PASSWORD", "from the environment")
    assert read_file(Config, file).smtp.password == "from the environment"
    monkeypatch.delenv("MATRIX_THREEPID_SMTP_PASSWORD")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    put(tmp_path, "smtp.password", "from systemd\n")
    put(tmp_path, "database", "sqlite:///a.db\n")
    made = read_file(Config, file)
    assert (made.smtp.password, made.database) == ("from systemd", "sqlite:///a.db")


def test_a_secret_that_is_given_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is silently left out: both ways are named, and no value is."""
    monkeypatch.setenv("MATRIX_THREEPID_SMTP_PASSWORD", "secret-two")
    smtp = {"host": "a", "from": "a@b.example", "username": "u", "password": "secret-one"}
    told = refusal(put(tmp_path, "c.json", json.dumps({"smtp": smtp})))
    assert told == (
        "smtp.password: is given by smtp.password and by the environment variable MATRIX_THREEPID_SMTP_PASSWORD; "
        "give it once"
    )


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter; those of pytest are closed."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder).resolve()


def test_files_that_everyone_can_read_are_named(
    open_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file with secrets that others can read is warned about by name, and refused where that is asked for."""
    caplog.set_level(logging.WARNING, "matrix_threepid.settings")
    smtp: dict[str, Any] = {"host": "a", "from": "a@b.example", "username": "u"}
    read_file(Config, put(tmp_path, "c.json", json.dumps({"smtp": {**smtp, "password": "x"}}), 0o644))
    open_secret = put(open_folder, "password", "x", 0o644)
    file = put(open_folder, "c.json", json.dumps({"smtp": {**smtp, "password": "x"}}), 0o644)
    read_file(Config, file)
    beside = put(open_folder, "d.json", json.dumps({"smtp": {**smtp, "password_file": str(open_secret)}}), 0o644)
    read_file(Config, beside)
    remedy = "holds secrets, and every user of this machine can read it: chmod o-rwx"
    assert caplog.messages == [f"{file}: {remedy}", f"{open_secret}: {remedy}"]
    with pytest.raises(ConfigurationError, match="chmod o-rwx"):
        read_file(Config, file, strict=True)
    with pytest.raises(ConfigurationError, match="chmod o-rwx"):
        read_file(Config, beside, strict=True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("password_fil", "smtp.password_fil: there is no such setting; did you mean password_file?"),
        ("host_file", "smtp.host_file: there is no such setting"),
    ],
)
def test_only_secrets_have_files(name: str, said: str) -> None:
    """A name that is no setting, and the file of what is no secret, are refused."""
    assert refusal({"smtp": {"host": "a", "from": "a@b.example", name: "x"}}).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), (b"", "must hold 1 to 65536 bytes"), (b"\xff", "must be UTF-8")],
)
def test_a_secret_file_that_holds_none_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    """What is missing, empty or no text is refused by the name of the setting."""
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    told = refusal({"smtp": {"host": "a", "from": "a@b.example", "password_file": str(file)}})
    assert told.startswith("smtp.password_file: ")
    assert said in told
