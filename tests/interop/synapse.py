"""A real Synapse: its configuration, and what its users do."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from .http import Answer, Client
from .programs import ROOT, SYNAPSE, Program, free_port, interpreter, listens

PASSWORD = "correct horse battery staple"
_PLENTY = {"per_second": 1000, "burst_count": 1000}


def settings(folder: Path, port: int, tls_port: int, files: Mapping[str, Path]) -> dict[str, Any]:
    """Return a configuration: plain HTTP for clients, TLS for servers, which know it by ``localhost`` and that port."""
    here = {"bind_addresses": ["127.0.0.1"], "type": "http"}
    return {
        "server_name": f"localhost:{tls_port}",
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "report_stats": False,
        "listeners": [
            {**here, "port": port, "resources": [{"names": ["client", "keys"]}]},
            {**here, "port": tls_port, "tls": True, "resources": [{"names": ["federation"]}]},
        ],
        "tls_certificate_path": str(files["chain"]),
        "tls_private_key_path": str(files["key"]),
        "federation_ip_range_blacklist": [],
        "trusted_key_servers": [],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "pid_file": str(folder / "pid"),
        "macaroon_secret_key": "macaroons of tests",
        "form_secret": "forms of tests",
        "bcrypt_rounds": 4,
        "enable_registration": True,
        "enable_registration_without_verification": True,
        "presence": {"enabled": False},
        **{f"rc_{name}": _PLENTY for name in ("message", "registration", "3pid_validation")},
        "rc_login": {"address": _PLENTY, "account": _PLENTY, "failed_attempts": _PLENTY},
    }


def configured(folder: Path, config: Mapping[str, Any]) -> Path:
    """Write what a Synapse starts with, and a signing key if it has none; return its configuration file."""
    key = folder / "signing.key"
    if not key.exists():  # ``--generate-keys`` would start another Python and import all of Synapse
        key.write_text(f"ed25519 a_tests {b64encode(token_bytes(32)).decode().rstrip('=')}\n")
    file = folder / "homeserver.yaml"
    file.write_text(json.dumps(config))  # JSON is YAML
    return file


@contextmanager
def synapse_at(
    tls_port: int,
    folder: Path,
    files: Mapping[str, Path],
    port: int | None = None,
    *,
    program: str = SYNAPSE,
    **more: Any,
) -> Iterator[Synapse]:
    """Run a Synapse whose data live in ``folder``; ``files``: its certificate; ``more``: of its configuration.

    ``port``: where clients reach it, a free one if it does not matter; ``program``: which Synapse.
    """
    port = port or free_port()
    file = configured(folder, {**settings(folder, port, tls_port, files), **more})
    command = [interpreter(program), "-m", "synapse.app.homeserver", "-c", str(file)]
    server = Program(command, folder, {"SSL_CERT_FILE": str(files["authority"]), "PYTHONPATH": str(ROOT)})
    with server.running(lambda: listens(port) and listens(tls_port)):
        yield Synapse(Client(port), tls_port)


@frozen
class Synapse:
    """A running Synapse. ``tls_port``: where servers reach it."""

    client: Client
    tls_port: int

    @property
    def name(self) -> str:
        return f"localhost:{self.tls_port}"

    def register(self, localpart: str) -> User:
        """Make an account."""
        answer = self.sign_up(localpart, {"type": "m.login.dummy"})
        assert answer.status == 200, answer
        return User(self.client, answer.body["user_id"], answer.body["access_token"])

    def sign_up(self, localpart: str, auth: Mapping[str, Any] | None = None) -> Answer:
        """Make one call of a registration."""
        body = {"username": localpart, "password": PASSWORD, **({"auth": auth} if auth else {})}
        return self.client.post("/_matrix/client/v3/register", body)


def submit(client: Client, url: str, body: Mapping[str, str]) -> Answer:
    """Post a code to the ``submit_url`` of a homeserver."""
    return client.post(urlsplit(url).path, body)


@frozen
class User:
    """A user with an access token."""

    client: Client
    id: str
    token: str = field(repr=False)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return self.client.post(f"/_matrix/client/v3{path}", body, self.token)

    def authenticated(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Make a call that asks for the password."""
        asked = self.post(path, body)
        if "session" not in asked.body:
            return asked
        who = {"type": "m.id.user", "user": self.id}
        auth = {"type": "m.login.password", "identifier": who, "password": PASSWORD, "session": asked.body["session"]}
        return self.post(path, {**body, "auth": auth})

    def threepids(self) -> list[tuple[str, str]]:
        listed = self.client.get("/_matrix/client/v3/account/3pid", self.token).body["threepids"]
        return [(each["medium"], each["address"]) for each in listed]
