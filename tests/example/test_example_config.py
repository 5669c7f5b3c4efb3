"""The configuration file: what cannot work is refused before anything starts, and the key is named."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from serving import ROOT, Example, finished, written

from examples.homeserver.demo.person import Person
from examples.homeserver.keys import stored_key
from matrix_threepid import ConfigurationError
from matrix_threepid.testing.parts import Certificates, fetch

FULL = {
    "listen": "127.0.0.1:0",
    "server_name": "hs.example.org",
    "public_base_url": "https://hs.example.org",
    "smtp": {"host": "127.0.0.1", "port": 25, "starttls": False, "from": "Example <noreply@hs.example.org>"},
    "twilio": {
        "base_url": "http://127.0.0.1:9000",
        "account_sid": "AC0",
        "auth_token": "an auth token",
        "from": "+15005550006",
        "countries": ["GB"],
    },
    "identity_servers": {"ca_file": "ca.pem", "allow_addresses": ["127.0.0.0/8"], "ports": [443], "timeout_s": 10},
    "identity_server": True,
    "denied_email_domains": ["denied.example.com"],
    "client_ip_header": "X-Forwarded-For",
    "policy": {
        "hide_known_addresses": False,
        "legacy_add": "allow",
        "changes_enabled": True,
        "registration_enabled": True,
        "token_lifetime_s": 3600,
        "validated_lifetime_s": 3600,
        "next_link_hosts": None,
        "password_reset_by_phone": False,
        "languages": ["en", "de"],
    },
    "limits": {
        "per_address": {"burst": 5, "per_second": 0.003},
        "per_client": {"burst": 5, "per_second": 0.003},
        "per_user": {"burst": 5, "per_second": 0.003},
    },
}
WRONG: list[tuple[str, Any]] = [
    ("unknown", 1),
    ("listen", "8008"),
    ("listen", "127.0.0.1:65536"),
    ("listen", None),
    ("server_name", "not a name"),
    ("public_base_url", "http://hs.example.org"),
    ("public_base_url", "https://hs.example.org/"),
    ("database", "mysql://localhost/x"),
    ("database", "sqlite:////no/such/folder/x.db"),
    ("smtp", "127.0.0.1:25"),
    ("smtp.host", None),
    ("smtp.port", "25"),
    ("smtp.port", True),
    ("smtp.port", 0),
    ("smtp.starttls", "no"),
    ("smtp.from", "nobody"),
    ("smtp.from", "A\r\nBcc: <b@example.org>"),
    ("smtp.unknown", 1),
    ("twilio.auth_token", 123456789),
    ("twilio.account_sid", "123456789"),
    ("twilio.base_url", "http://twilio.example.org"),
    ("twilio.from", "123456789012345678"),
    ("twilio.countries", ["gb"]),
    ("signing_key_file", "/no/such/folder/signing.key"),
    ("identity_servers.ca_file", "/no/such/ca.pem"),
    ("identity_servers.ca_file", __file__),
    ("identity_servers.allow_addresses", ["127.0.0.1/8"]),
    ("identity_servers.ports", [0]),
    ("identity_servers.timeout_s", 0),
    ("identity_servers.retry_s", "1"),
    ("identity_servers.unknown", 1),
    ("identity_server", "yes"),
    ("denied_email_domains", "denied.example.com"),
    ("denied_email_domains", ["denied"]),
    ("client_ip_header", "X Forwarded For"),
    ("policy.legacy_add", "maybe"),
    ("policy.token_lifetime_s", -1),
    ("policy.validated_lifetime_s", 0.5),
    ("policy.languages", []),
    ("policy.languages", ["x_x"]),
    ("policy.next_link_hosts", [1]),
    ("limits.per_address.burst", 0),
    ("limits.per_client.per_second", 0),
    ("limits.per_client.per_second", None),
    ("limits.per_nobody", {"burst": 5, "per_second": 1}),
]


def changed(key: str, value: Any) -> dict[str, Any]:
    """Return the full configuration with one setting changed."""
    config: dict[str, Any] = json.loads(json.dumps(FULL))
    *path, name = key.split(".")
    section = config
    for step in path:
        section = section[step]
    section[name] = value
    return config


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_what_cannot_work_is_refused_by_name(key: str, value: Any, tmp_path: Path) -> None:
    """Unknown keys, wrong types and impossible values raise one line that names the key and not the value."""
    from examples.homeserver.app import senders_of
    from examples.homeserver.config import read_config
    from examples.homeserver.peers import Peers
    from examples.homeserver.storage import secret_of

    def prepare(file: Path) -> None:
        config = read_config(file)
        senders_of(config)
        Peers.of(config, secret_of(config))

    with pytest.raises(ConfigurationError) as refused:
        prepare(written(changed(key, value), tmp_path))
    assert key in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "123456789" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"listen": "127.0.0.1:0", "listen": "127.0.0.1:0"}'])
def test_a_file_that_holds_no_configuration_is_refused_by_its_name(text: str, tmp_path: Path) -> None:
    """What is no JSON object, or says a thing twice, is refused; the file is named."""
    from examples.homeserver.config import read_config

    file = tmp_path / "config.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"config\.json"):
        read_config(file)


def test_a_refusal_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    """``serve`` with a wrong file prints one line to standard error, and makes no file."""
    wrong = {**changed("smtp.port", "25"), "database": "sqlite:///x.db"}
    status, output, errors = finished("serve", "--config", str(written(wrong, tmp_path)))
    assert (status, output) == (2, "")
    assert errors == "examples.homeserver: smtp.port: must be a whole number from 1 to 65535; write it without quotes\n"
    assert not (ROOT / "x.db").exists()


def test_the_whole_configuration_is_taken(tmp_path: Path) -> None:
    """Every documented setting is accepted, and nothing is said about it on standard error."""
    authority = Certificates.at(tmp_path / "ca.pem").file
    with Example(changed("identity_servers.ca_file", str(authority)), tmp_path) as example:
        assert example.first_line.startswith("listening on http://127.0.0.1:")
        assert fetch("GET", f"{example.url}/_matrix/client/versions").status == 200
        assert example.errors == ""


def test_the_smallest_configuration_is_enough(tmp_path: Path) -> None:
    """``listen`` and ``server_name`` are all that is required; then nothing can be validated, and clients hear it."""
    with Example({"listen": "127.0.0.1:0", "server_name": "hs.example.org"}, tmp_path) as example:
        versions = fetch("GET", f"{example.url}/_matrix/client/versions").json()
        assert versions["unstable_features"]["m.require_identity_server"] is True
        assert versions["versions"][-1] == "v1.18"


def test_a_signing_key_is_made_once(tmp_path: Path) -> None:
    """A missing key file is made in Synapse's format, for its owner only; the next start finds the same key."""
    file = tmp_path / "signing.key"
    key = stored_key(file)
    algorithm, version, seed = file.read_text().split()
    assert (algorithm, version, len(seed)) == ("ed25519", key.version, 43)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stored_key(file) == key
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("text", ["", "ed25519 a_1 AAAA", "rsa a_1 " + "A" * 43, "ed25519 a_1 " + "!" * 43])
def test_a_broken_signing_key_is_refused_by_name(text: str, tmp_path: Path) -> None:
    """A key file that is no key is neither used nor written over."""
    file = tmp_path / "signing.key"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="signing_key_file"):
        stored_key(file)
    assert file.read_text() == text


def test_registration_may_be_off(settings: dict[str, Any], tmp_path: Path) -> None:
    """Without registration nobody gets a mail for it, and nobody an account."""
    with Example({**settings, "policy": {"registration_enabled": False}}, tmp_path) as example:
        person = Person(example.url)
        body = {"email": "new@example.org", "client_secret": "secret", "send_attempt": 1}
        for path, wanted in (("/register/email/requestToken", body), ("/register", {})):
            assert person.call("POST", path, wanted, expected=403)["errcode"] == "M_FORBIDDEN"
