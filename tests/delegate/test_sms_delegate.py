"""``examples/sms_delegate`` as an operator runs it: a process, a file, a provider on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from sms.gateway import ACCOUNT, NUMBER, TOKEN
from sms.plain import Provider, provider

ROOT = Path(__file__).parents[2]
SECRET = "/0123456789abcdef0123456789abcdef"
API = f"{SECRET}/_matrix/identity/api/v1"


def configured(folder: Path, url: str, **changes: Any) -> str:
    """Write a configuration whose Twilio is at a URL; return its file."""
    settings = {
        "listen": "127.0.0.1:0",
        "secret_path": SECRET,
        "server_name": "example.org",
        "public_base_url": "https://app.example.org",
        "database": str(folder / "delegate.db"),
        "countries": ["GB"],
        "twilio": {"account_sid": ACCOUNT, "auth_token": TOKEN, "from": NUMBER, "base_url": url},
        **changes,
    }
    file = folder / "delegate.json"
    file.write_text(json.dumps({name: value for name, value in settings.items() if value is not None}))
    return str(file)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "examples.sms_delegate", *arguments]


def finished(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(  # noqa: S603
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def serving(file: str) -> Iterator[int]:
    """Serve; yield the port."""
    arguments = command("serve", "--config", file)
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().rpartition(" ")[2])
    finally:
        process.terminate()
        process.communicate(timeout=20)


def call(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Make one call."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if content else None


@pytest.fixture
def twilio() -> Iterator[Provider]:
    """A provider that takes everything."""
    with provider() as running:
        yield running


def test_a_self_test_sends_one_sms(twilio: Provider, tmp_path: Path) -> None:
    """The command looks at the account, sends one SMS to the number given, and says how it went."""
    done = finished("self-test", "--config", configured(tmp_path, twilio.url), "--to", "07700 900123")
    assert (done.returncode, done.stderr) == (0, "")
    assert "SM1" in done.stdout
    assert [method for method, _, _ in twilio.heard] == ["GET", "POST"]
    form = parse_qs(twilio.heard[-1][2].decode())
    assert form["To"] == ["+447700900123"]
    assert form["Body"][0].splitlines()[-1].startswith("@app.example.org #")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("+2347012345678", "country NG"),
        ("0909 879 0000", "kind premium_rate"),
        ("nonsense", "no phone number"),
    ],
)
def test_a_self_test_says_who_would_be_refused(twilio: Provider, tmp_path: Path, number: str, said: str) -> None:
    """A number the rules refuse gets no SMS, and the operator hears why."""
    done = finished("self-test", "--config", configured(tmp_path, twilio.url), "--to", number)
    assert done.returncode == 1
    assert said in done.stdout
    assert twilio.heard == []


def test_a_self_test_finds_wrong_credentials(tmp_path: Path) -> None:
    """A wrong token is found before anything is sent."""
    with provider(401, b'{"code": 20003, "status": 401, "message": "Authenticate"}') as twilio:
        done = finished("self-test", "--config", configured(tmp_path, twilio.url), "--to", "+447700900123")
    assert done.returncode == 1
    assert "Twilio 20003" in done.stdout
    assert [method for method, _, _ in twilio.heard] == ["GET"]


def test_synapse_is_served_below_the_secret_path(twilio: Provider, tmp_path: Path) -> None:
    """Ask, restart, type the code, look: it works across processes, and nothing is there without the secret."""
    file = configured(tmp_path, twilio.url)
    body = {"client_secret": "s", "country": "GB", "phone_number": "07700 900123", "send_attempt": 1}
    with serving(file) as port:
        assert call(port, "POST", f"{API}/validate/msisdn/requestToken".replace(SECRET, ""), body)[0] == 404
        assert call(port, "POST", f"/wrong{API}/validate/msisdn/requestToken", body)[0] == 404
        status, answer = call(
            port, "POST", f"{API}/validate/msisdn/requestToken".replace(API, f"{SECRET}/{API[len(SECRET) :]}"), body
        )
        assert status == 200
    code = parse_qs(twilio.heard[-1][2].decode())["Body"][0][-6:]
    with serving(file) as port:
        submitted = {"sid": answer["sid"], "client_secret": "s", "token": code}
        assert call(port, "POST", f"{API}/validate/msisdn/submitToken", submitted) == (200, {"success": True})
        found = call(port, "GET", f"{API}/3pid/getValidated3pid?sid={answer['sid']}&client_secret=s")
        assert found[1]["address"] == "447700900123"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"twilio": None}, "give either twilio or gateway"),
        ({"gateway": {"url": "https://sms.example.org", "template": {}}}, "give either twilio or gateway"),
        ({"twilio": None, "gateway": {"url": "http://sms.example.org", "template": {}}}, "must be https"),
        (
            {"twilio": None, "gateway": {"url": "https://sms.example.org", "template": {}, "headers": {"X-Key": 5}}},
            "gateway.headers: must be an object of texts",
        ),
        ({"countries": []}, "must name at least one"),
        ({"countries": ["gb"]}, "countries: must be"),
        ({"secret_path": "/short"}, "secret_path: must be"),
        ({"public_base_url": "http://app.example.org"}, "must be https"),
        ({"colour": "blue"}, "colour: there is no such setting"),
        ({"server_name": None}, "server_name: is required"),
    ],
)
def test_a_file_that_cannot_work_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    """The operator hears which setting is wrong, and no secret is repeated."""
    file = configured(tmp_path, "http://127.0.0.1:1", **changes)
    done = finished("self-test", "--config", file, "--to", "+447700900123")
    assert done.returncode == 2
    assert said in done.stderr
    assert TOKEN not in done.stderr
    assert SECRET not in done.stderr
