"""``matrix-threepid serve`` as an identity server, behind a front that speaks TLS, and what its users do there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen

from matrix_threepid.identity import new_signing_key
from matrix_threepid.testing.parts.mailbox import Mailbox

from .http import Answer, Client
from .programs import ROOT, Program, free_port, listens
from .sydent import Front
from .synapse import User

TERMS = "https://id.example.org/terms-1"
WEB_CLIENT = "https://app.example.org"
_PLENTY = {"burst": 1000, "per_second": 1000}


def _settings(
    folder: Path, name: str, port: int, smtp_port: int, homeserver_port: int, ca_file: Path
) -> dict[str, Any]:
    terms = {"name": "terms", "version": "1", "title": "Terms", "url": TERMS}
    return {
        "listen": f"127.0.0.1:{port}",
        "server_name": name,
        "public_base_url": f"https://{name}",
        "secret_file": str(folder / "secret"),
        "identity_server": {
            "database": f"sqlite:///{folder}/identity.db",
            "signing_key_file": str(folder / "signing.key"),
            "terms": [terms],
        },
        "smtp": {"host": "127.0.0.1", "port": smtp_port, "tls": "off", "from": "noreply@id.example.org"},
        "homeservers": {"ca_file": str(ca_file), "allow_addresses": ["127.0.0.1"], "ports": [homeserver_port]},
        "policy": {"invitations": {"web_client": WEB_CLIENT}},
        "limits": {"per_address": _PLENTY, "apart": 0},
    }


@contextmanager
def identity_server_at(folder: Path, homeserver_port: int, ca_file: Path) -> Iterator[Served]:
    """Run the program with its data in ``folder``; it calls the homeserver at a port, by an authority of the tests."""
    port, mails = free_port(), Mailbox()
    (folder / "signing.key").write_text(new_signing_key("0").text())
    with mails.receiving() as smtp_port, Front(port).serving() as front:
        file = folder / "serve.yaml"
        file.write_text(json.dumps(_settings(folder, front.name, port, smtp_port, homeserver_port, ca_file)))
        command = [sys.executable, "-m", "matrix_threepid", "serve", "--config", str(file)]
        with Program(command, folder, {"PYTHONPATH": str(ROOT)}).running(lambda: listens(port)):
            yield Served(Client(port), front, mails, folder)


@frozen
class Served:
    """The running program. ``front``: where homeservers and clients reach it; ``mails``: what it sent."""

    client: Client
    front: Front
    mails: Mailbox
    folder: Path

    @property
    def name(self) -> str:
        return self.front.name

    def sign_in(self, user: User) -> str:
        """Return an access token of a user of the homeserver, who accepts the terms."""
        given = user.post(f"/user/{user.id}/openid/request_token", {})
        assert given.status == 200, given
        token: str = self._post("/account/register", given.body).body["token"]
        assert self._post("/terms", {"user_accepts": [TERMS]}, token).status == 200
        return token

    def publish(self, user: User, address: str) -> Answer:
        """Prove an address by its mail, and bind it to a user."""
        token = self.sign_in(user)
        body = {"email": address, "client_secret": "secret", "send_attempt": 1}
        asked = self._post("/validate/email/requestToken", body, token)
        assert asked.status == 200, asked
        link = dict(parse_qsl(urlsplit(self.mails.next(address).link).query))
        credentials = {"sid": link["sid"], "client_secret": "secret"}
        proved = self._post("/validate/email/submitToken", {**credentials, "token": link["token"]}, token)
        assert proved.body == {"success": True}
        return self._post("/3pid/bind", {**credentials, "mxid": user.id}, token)

    def signed(self, link: str, user: User) -> Mapping[str, Any]:
        """Do what a web client does with the link of an invitation: have its user signed for."""
        assert link.startswith(f"{WEB_CLIENT}/#/room/")
        values = dict(parse_qsl(urlsplit(link).fragment.partition("?")[2]))
        signing = urlsplit(values["signurl"])
        assert signing.netloc == self.name
        query = {**dict(parse_qsl(signing.query)), "mxid": user.id}
        answer = self.client.call("POST", signing.path, query=query)
        assert answer.status == 200, answer
        return {"email": values["email"], **answer.body}

    def _post(self, path: str, body: Mapping[str, Any], token: str | None = None) -> Answer:
        return self.client.post(f"/_matrix/identity/v2{path}", body, token)
