"""``matrix-threepid serve`` as an operator runs it: processes, files in YAML, a provider on loopback."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml
from sms.gateway import ACCOUNT, NUMBER, TOKEN
from sms.plain import provider
from stores.valkey_server import server as valkey

from matrix_threepid import ConfigurationError
from matrix_threepid.__main__ import main
from matrix_threepid.commands.serving.parts import opened
from matrix_threepid.commands.serving.settings import ServeSettings
from matrix_threepid.identity import new_signing_key, read_signing_key
from matrix_threepid.settings import read
from matrix_threepid.settings.outside import variable_of
from matrix_threepid.settings.reading import secrets_of
from matrix_threepid.stores import SqlSessions, open_database
from matrix_threepid.testing.contracts.values import session

ROOT = Path(__file__).parents[2]
SECRET = "/0123456789abcdef0123456789abcdef"
API = f"{SECRET}/_matrix/identity/api/v1"
ASK = {"client_secret": "s", "country": "GB", "phone_number": "07700 900123", "send_attempt": 1}


def delegate(folder: Path, url: str = "http://127.0.0.1:9", **changes: Any) -> dict[str, Any]:
    """Return the settings of a delegate whose Twilio is at a URL."""
    twilio = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from": NUMBER, "base_url": url}
    settings = {
        "listen": "127.0.0.1:0",
        "observe": "localhost:0",
        "server_name": "example.org",
        "public_base_url": "https://app.example.org",
        "secret_file": str(folder / "secret"),
        "log": {"json": True},
        "delegate": {"secret_path": SECRET, "database": f"sqlite:///{folder}/delegate.db"},
        "sms": {"countries": ["GB"], "twilio": twilio},
        **changes,
    }
    return {name: value for name, value in settings.items() if value is not None}


def written(folder: Path, settings: dict[str, Any]) -> str:
    """Write a file of YAML; return its name."""
    file = folder / "serve.yaml"
    file.write_text(yaml.safe_dump(settings))
    return str(file)


class Program:
    """A program that serves: its ports, and what it logged."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.port, self.observed = (int(process.stdout.readline().rpartition(" ")[2]) for _ in range(2))
        self.log: list[dict[str, Any]] = []

    def call(self, method: str, path: str, body: Any = None, *, observed: bool = False) -> tuple[int, str]:
        """Make one call; return status and body."""
        connection = HTTPConnection("127.0.0.1", self.observed if observed else self.port, timeout=30)
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, content


@contextmanager
def serving(folder: Path, settings: dict[str, Any]) -> Iterator[Program]:
    """Serve while the block runs; in the end tell it to stop, and read its log."""
    command = [sys.executable, "-m", "matrix_threepid", "serve", "--config", written(folder, settings)]
    process = subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    program = Program(process)
    try:
        yield program
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    program.log += [json.loads(line) for line in errors.splitlines()]
    assert process.returncode == 0, errors


def events(program: Program) -> list[str]:
    """Return the lines about events and troubles, without start and end."""
    return [line["message"] for line in program.log if line["logger"] != "matrix_threepid.serve"]


def test_the_delegate_serves_and_is_seen(tmp_path: Path) -> None:
    """Synapse is served below the secret path; log, metrics and health say what happened, and no secret is in them."""
    with provider() as twilio, serving(tmp_path, delegate(tmp_path, twilio.url)) as program:
        assert program.call("POST", "/_matrix/identity/api/v1/validate/msisdn/requestToken", ASK)[0] == 404
        status, answer = program.call("POST", f"{API}/validate/msisdn/requestToken", ASK)
        assert status == 200
        code = parse_qs(twilio.heard[-1][2].decode())["Body"][0][-6:]
        submitted = {"sid": json.loads(answer)["sid"], "client_secret": "s", "token": code}
        assert program.call("POST", f"{API}/validate/msisdn/submitToken", submitted)[0] == 200
        assert program.call("GET", "/live", observed=True) == (200, "{}")
        assert program.call("GET", "/ready", observed=True) == (200, '{"ready": true}')
        metrics = program.call("GET", "/metrics", observed=True)[1]
        assert 'matrix_threepid_messages_total{medium="msisdn",outcome="accepted",purpose="' in metrics
        assert program.call("GET", "/metrics")[0] == 404
    assert [line.split()[0] for line in events(program)] == ["MessageSent", "ThreepidValidated"]
    text = json.dumps(program.log)
    assert [secret for secret in (SECRET[1:], TOKEN, code, "447700900123") if secret in text] == []


def test_a_code_survives_a_restart(tmp_path: Path) -> None:
    """Asked for in one process and typed in another, a code validates, and nothing is there without the secret."""
    with provider() as twilio:
        with serving(tmp_path, delegate(tmp_path, twilio.url)) as program:
            assert program.call("POST", f"/wrong{API}/validate/msisdn/requestToken", ASK)[0] == 404
            asked = program.call("POST", f"{API}/validate/msisdn/requestToken", ASK)
        sid, code = json.loads(asked[1])["sid"], parse_qs(twilio.heard[-1][2].decode())["Body"][0][-6:]
        with serving(tmp_path, delegate(tmp_path, twilio.url)) as program:
            submitted = {"sid": sid, "client_secret": "s", "token": code}
            assert program.call("POST", f"{API}/validate/msisdn/submitToken", submitted) == (200, '{"success":true}')
            found = program.call("GET", f"{API}/3pid/getValidated3pid?sid={sid}&client_secret=s")
            assert json.loads(found[1])["address"] == "447700900123"


def test_the_example_is_a_delegate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file to copy is the one of the docs; with an account of its operator it is accepted, and sends a test SMS."""
    example = yaml.safe_load((ROOT / "examples" / "sms_delegate.yaml").read_text("utf-8"))
    page = (ROOT / "docs" / "operations" / "serve.md").read_text("utf-8")
    assert yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0]) == example
    (tmp_path / "token").write_text(TOKEN)
    example["secret_file"] = str(tmp_path / "secret")
    example["delegate"]["database"] = f"sqlite:///{tmp_path}/delegate.db"
    with provider() as twilio:
        account = {"account_sid": ACCOUNT, "auth_token_file": str(tmp_path / "token"), "base_url": twilio.url}
        example["sms"]["twilio"].update(account)
        file = written(tmp_path, example)
        assert main(["serve", "--config", file, "--check"]) == 0
        assert main(["send-test-sms", "--config", file, "--to", "+447700900123"]) == 0
    assert capsys.readouterr().out == "Delegate: msisdn\naccepted: SM1\n"


def test_a_used_budget_and_a_wrong_schema_are_seen(tmp_path: Path) -> None:
    """The budget is in log and metrics; ``/ready`` is 503 with a wrong schema, and ``/live`` is not."""
    settings = delegate(tmp_path)
    settings["sms"]["budget_per_hour"] = 1
    with provider() as twilio:
        settings["sms"]["twilio"]["base_url"] = twilio.url
        with serving(tmp_path, settings) as program:
            assert program.call("POST", f"{API}/validate/msisdn/requestToken", ASK)[0] == 200
            other = {**ASK, "client_secret": "t", "phone_number": "07700 900456"}
            assert program.call("POST", f"{API}/validate/msisdn/requestToken", other)[0] == 429
            metrics = program.call("GET", "/metrics", observed=True)[1]
            with closing(sqlite3.connect(tmp_path / "delegate.db")) as beside, beside:
                beside.execute("DELETE FROM matrix_threepid_schema")
            assert program.call("GET", "/live", observed=True)[0] == 200
            status, health = program.call("GET", "/health", observed=True)
    assert 'matrix_threepid_limits_total{action="sms budget"} 1.0' in metrics
    assert {"SmsBudgetUsed", "LimitReached"} <= {line.split()[0] for line in events(program)}
    assert (status, json.loads(health)["ready"]) == (503, False)
    assert "the schema has version 0" in health


def test_a_wrong_token_of_the_provider_is_seen(tmp_path: Path) -> None:
    """The log has the provider's reason, and the metrics count the refusal."""
    body = b'{"code": 20003, "status": 401, "message": "Authenticate"}'
    with provider(401, body) as twilio, serving(tmp_path, delegate(tmp_path, twilio.url)) as program:
        assert program.call("POST", f"{API}/validate/msisdn/requestToken", ASK)[0] >= 400
        metrics = program.call("GET", "/metrics", observed=True)[1]
    assert 'outcome="refused_for_now"' in metrics
    (refused,) = (line for line in program.log if line["message"].startswith("MessageSent"))
    assert refused["level"] == "warning"
    assert "20003" in refused["threepid"]["reason"]


def test_workers_share_a_listener_and_their_metrics(tmp_path: Path, postgres: str) -> None:
    """Requests are answered by any worker, one that ends is replaced, and metrics are of all of them."""
    settings = delegate(tmp_path, workers=2)
    settings["delegate"]["database"] = postgres
    with serving(tmp_path, settings) as program:
        path = f"{API}/3pid/getValidated3pid?sid=a&client_secret=b"
        answers = [program.call("GET", path)[0] for _ in range(20)]
        metrics = program.call("GET", "/metrics", observed=True)[1]
        assert program.call("GET", "/ready", observed=True)[0] == 200
    assert set(answers) == {404}
    found = re.findall(r"matrix_threepid_requests_total\{[^}]*\} (\d+)", metrics)
    assert sum(map(int, found)) == 20
    assert [line["message"] for line in program.log].count("ready") == 3


def test_the_identity_server_is_served_beside_it(tmp_path: Path) -> None:
    """Version 2 wants a token, version 1 is the delegate's alone, and a homeserver that is no host is refused."""
    (tmp_path / "key").write_text(new_signing_key("a_1").text())
    database = f"sqlite:///{tmp_path}/identity.db"
    both = delegate(tmp_path, identity_server={"database": database, "signing_key_file": str(tmp_path / "key")})
    with serving(tmp_path, both) as program:
        assert program.call("GET", "/_matrix/identity/v2")[0] == 200
        assert program.call("GET", "/_matrix/identity/v2/account")[0] == 401
        assert program.call("GET", "/_matrix/identity/v2/terms") == (200, '{"policies":{}}')
        assert program.call("GET", "/_matrix/identity/api/v1")[0] == 404
        openid = {"access_token": "t", "matrix_server_name": "127.0.0.1:1/x"}
        assert program.call("POST", "/_matrix/identity/v2/account/register", openid)[0] in (400, 401)


def test_check_makes_every_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--check`` opens everything and ends: 0 with what is on, or 2 with what is wrong."""
    file = written(tmp_path, delegate(tmp_path))
    assert main(["serve", "--config", file, "--check"]) == 0
    assert capsys.readouterr().out == "Delegate: msisdn\n"
    wrong = written(tmp_path, delegate(tmp_path, texts="/no/such/folder"))
    assert main(["serve", "--config", wrong, "--check"]) == 2
    assert "texts: there is no directory" in capsys.readouterr().err


def test_sessions_and_counts_may_lie_in_valkey(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are in the Valkey of ``sessions`` and not in the database, also for commands; one that is gone is named."""
    settings = delegate(tmp_path)
    with valkey(tmp_path / "valkey") as url:
        settings["delegate"]["sessions"] = url
        file = written(tmp_path, settings)
        assert main(["serve", "--config", file, "--check"]) == 0
        sid = asyncio.run(_asked(read(ServeSettings, settings)))
        capsys.readouterr()
        assert main(["explain", sid, "--config", file]) == 0
        assert "a***@example.org" in capsys.readouterr().out
    assert main(["serve", "--config", file, "--check"]) == 2
    assert "valkey: no server answers" in capsys.readouterr().err


async def _asked(settings: ServeSettings) -> str:
    """Ask a delegate for a token; return the ``sid``, whose session is in the Valkey alone."""
    async with opened(settings) as served:
        assert served.delegate is not None
        role = served.delegate.role
        slot = "a slot"
        held = await role.sessions.open(session(role.new_sid(slot), slot=slot))
        async with open_database(settings.delegate.database if settings.delegate else "") as db:
            assert await SqlSessions(db).get(held.sid) is None
        return held.sid


def test_small_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """A secret fits ``secret_path``, a key is read back, and the version is told."""
    assert main(["new-secret"]) == 0
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", capsys.readouterr().out)
    assert main(["new-signing-key"]) == 0
    assert read_signing_key(capsys.readouterr().out).id.startswith("ed25519:a_")
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out.startswith("matrix-threepid ")) == (0, True)


def test_every_secret_has_a_variable_of_its_own() -> None:
    """No two secrets of the file share an environment variable."""
    names = [variable_of(path) for path in secrets_of(ServeSettings)]
    assert "MATRIX_THREEPID_SMS_TWILIO_AUTH_TOKEN" in names
    assert len(set(names)) == len(names)


SLIPS: list[tuple[dict[str, Any], str]] = [
    ({"listn": "127.0.0.1:1"}, "listn: there is no such setting; did you mean listen?"),
    ({"delegat": {}}, "delegat: there is no such setting; did you mean delegate?"),
    ({"delegate": None}, "give delegate, identity_server or both"),
    ({"delegate": {"database": "sqlite:///a.db"}}, "delegate.secret_path: is required"),
    ({"delegate.secret_path": "/short"}, "delegate.secret_path: must be / and at least 22"),
    ({"delegate.secretpath": SECRET}, "delegate.secretpath: there is no such setting; did you mean secret_path?"),
    ({"delegate.database": "mysql://localhost"}, "delegate.database: must be sqlite:///FILE or postgresql"),
    ({"delegate.database": "a.db"}, "delegate.database: must be sqlite:///FILE"),
    ({"delegate.sessions": "localhost:6379"}, "delegate.sessions: must be valkey://HOST:PORT"),
    (
        {
            "delegate.sessions": "valkey://localhost",
            "identity_server": {
                "database": "sqlite:///b.db",
                "signing_key_file": "k",
                "sessions": "valkey://localhost",
            },
        },
        "identity_server.sessions: must not be that of the delegate; add ?prefix=NAME",
    ),
    ({"listen": "8090"}, "listen: must be HOST:PORT"),
    ({"listen": "127.0.0.1:65536"}, "listen: must be HOST:PORT"),
    ({"listen": 8090}, "listen: must be HOST:PORT; what looks like a number"),
    ({"observe": "127.0.0.1:0", "listen": "127.0.0.1:0"}, "observe: must be another address than listen"),
    ({"workers": 0}, "workers: must be a whole number from 1 to 64"),
    ({"workers": "2"}, "write it without quotes"),
    ({"workers": 2}, "workers: more than one needs PostgreSQL"),
    ({"server_name": None}, "server_name: is required"),
    ({"secret_file": None}, "secret_file: is required"),
    ({"public_base_url": "http://app.example.org"}, "policy.public_base_url: must be https"),
    ({"public_base_url": "app.example.org"}, "public_base_url: must be an http or https URL"),
    ({"public_base_url": "https://a.example/"}, "policy.public_base_url: must be https"),
    ({"policy": {"public_base_url": "https://b.example"}}, "policy.public_base_url: is also set outside of policy"),
    ({"log": {"level": "INFO"}}, "log.level: must be one of: debug, info, warning, error"),
    ({"log": {"json": "yes"}}, "log.json: must be true or false; write true or false, without quotes"),
    ({"client_header": {"name": "X Forwarded"}}, "client_header.name: must be the name of a header"),
    ({"client_header": {"name": "Forwarded"}}, "ClientHeader.name: must be the name of a header"),
    ({"client_header": {"name": "X-F", "hops": 0}}, "client_header.hops: must be a whole number from 1 to 16"),
    ({"client_header": {"name": "X-F", "trusted": ["10.0.0.1/8"]}}, "client_header.trusted: must be a list"),
    ({"client_header": {"name": "X-F", "hops": 2, "trusted": ["10.0.0.0/8"]}}, "give hops or trusted, not both"),
    ({"sms": None}, "delegate: needs sms"),
    ({"sms.countries": []}, "sms: countries: must name at least one"),
    ({"sms.countries": ["gb"]}, "sms.countries: must be a list, and each entry must be two capital letters"),
    ({"sms.countries": [False]}, 'write it in quotes, such as "NO"'),
    ({"sms.countries": "GB"}, "sms.countries: must be a list"),
    ({"sms.twilio": None}, "sms: give either twilio or gateway"),
    ({"sms.gateway": {"url": "https://sms.example.org", "template": {}}}, "sms: give either twilio or gateway"),
    (
        {
            "sms.twilio": None,
            "sms.gateway": {"url": "https://sms.example.org", "template": {}, "headers": {"X-Key": 5}},
        },
        "sms.gateway.headers: must be an object of texts",
    ),
    ({"sms.twilio.account_sid": "XY1"}, "sms.twilio.account_sid: must be an account SID"),
    ({"sms.twilio.auth_token": 12345678}, "sms.twilio.auth_token: must be a text of 1 to 1024"),
    ({"sms.twilio.auth_token": None}, "sms.twilio.auth_token: is required"),
    ({"sms.twilio.auth_token_fil": "x"}, "did you mean auth_token_file?"),
    ({"sms.twilio.auth_token_file": "x"}, "is given by sms.twilio.auth_token and by sms.twilio.auth_token_file"),
    ({"sms.budget_per_hour": 0}, "sms.budget_per_hour: must be a whole number from 1"),
    ({"smtp": {"host": "a", "from": "nobody"}}, "smtp.from: must be user@domain"),
    ({"smtp": {"host": "a", "from": "a@b.example", "tls": "no"}}, "smtp.tls: must be one of: starttls, implicit, off"),
    ({"policy": {"legacy_ad": "uia"}}, "policy.legacy_ad: there is no such setting; did you mean legacy_add?"),
    ({"policy": {"code_digits": 4}}, "policy.code_digits: must be a whole number from 6 to 10"),
    ({"limits": {"per_user": {"burst": 5}}}, "limits.per_user.per_second: is required"),
    ({"limits": {"per_user": 5}}, "limits.per_user: must be an object"),
    ({"homeservers": {"proxy": "http://a:1"}}, "homeservers.proxy: homeservers are named by strangers"),
    ({"identity_server": {"database": "sqlite:///b.db"}}, "identity_server.signing_key_file: is required"),
]


def test_slips_are_refused_by_name_with_the_remedy(tmp_path: Path) -> None:
    """Whatever is misspelt, missing, of the wrong type, impossible or clashing is named, and no secret is repeated."""
    wrong = []
    for changes, said in SLIPS:
        settings = delegate(tmp_path, observe=None)
        for path, value in changes.items():
            *within, name = path.split(".")
            section = settings
            for step in within:
                section = section[step]
            section[name] = value
        try:
            read(ServeSettings, settings)
        except ConfigurationError as error:
            told = str(error)
            if said not in told or TOKEN in told or SECRET in told or "12345678" in told:
                wrong.append((changes, told))
        else:
            wrong.append((changes, "was taken"))
    assert wrong == []
    assert len(SLIPS) >= 40
