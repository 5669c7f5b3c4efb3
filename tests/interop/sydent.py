"""A real Sydent behind a front that speaks TLS, the homeserver it asks about users, and what users do there."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import define, field, frozen
from smtp.sink import Sink

from matrix_threepid.identity.signing import NamedSigner, SigningKey, new_signing_key
from matrix_threepid.testing.rogue import Heard, RogueServer, Said, answer, certified

from .http import Answer, Client
from .programs import Program, free_port, interpreter, listens

TERMS = "https://id.example.org/terms"
UNBIND_V2 = "/_matrix/identity/v2/3pid/unbind"
_UNFINISHED = 5.0
"""The s after which the front stops waiting for the rest of an answer."""
_FOREVER = 4_000_000_000_000


@define
class Homeserver:
    """As much of a homeserver as identity servers ask: its keys, and whose an OpenID token is (its own text)."""

    key: SigningKey = field(factory=lambda: new_signing_key("a_1"))
    server: RogueServer = field(factory=lambda: RogueServer(certified("localhost")))

    @property
    def name(self) -> str:
        return f"localhost:{self.server.port}"

    @contextmanager
    def serving(self) -> Iterator[Homeserver]:
        self.server.answers = self._answer
        with self.server.serving():
            yield self

    def _answer(self, heard: Heard) -> bytes:
        if heard.path == "/_matrix/key/v2/server/":  # Sydent asks for the keys with a slash at the end
            return answer(200, json.dumps(self._keys()).encode())
        if heard.path == "/_matrix/federation/v1/openid/userinfo":
            (user,) = parse_qs(urlsplit(heard.target).query)["access_token"]
            return answer(200, json.dumps({"sub": user}).encode())
        return answer(200, b"{}")  # onbind

    def _keys(self) -> dict[str, Any]:
        published = {"server_name": self.name, "valid_until_ts": _FOREVER, "old_verify_keys": {}}
        keys = {self.key.id: {"key": self.key.public}}
        return NamedSigner(self.name, self.key).sign({**published, "verify_keys": keys})


@define
class Front:
    """Passes requests on to a plain port and its answers back, byte by byte. ``knows_v2``: else no unbind of v2."""

    port: int
    knows_v2: bool = True
    server: RogueServer = field(factory=lambda: RogueServer(certified("localhost")))

    @property
    def name(self) -> str:
        return f"localhost:{self.server.port}"

    @contextmanager
    def serving(self) -> Iterator[Front]:
        self.server.answers = self._answer
        with self.server.serving():
            yield self

    def _answer(self, heard: Heard) -> Said:
        if heard.path == UNBIND_V2 and not self.knows_v2:
            return answer(404, b"<h1>No such resource</h1>")
        return self._passed_on(heard)

    def _passed_on(self, heard: Heard) -> Iterator[bytes]:
        headers = {**heard.headers, "connection": "close"}
        lines = [f"{heard.method} {heard.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        with socket.create_connection(("127.0.0.1", self.port), timeout=_UNFINISHED) as inner:
            inner.sendall("\r\n".join((*lines, "", "")).encode() + heard.body)
            while piece := inner.recv(65_536):
                yield piece


def _settings(folder: Path, name: str, port: int, smtp_port: int) -> dict[str, dict[str, Any]]:
    """``name``: what homeservers call it, and therefore sign for."""
    general = {
        "server.name": name,
        "templates.path": folder / "templates",
        "terms.path": folder / "terms.yaml",
        "pidfile.path": folder / "pid",
        "ip.whitelist": "127.0.0.1",
    }
    http = {
        "clientapi.http.bind_address": "127.0.0.1",
        "clientapi.http.port": port,
        "client_http_base": f"http://127.0.0.1:{port}",
        "federation.verifycerts": False,
    }
    mail = {
        "email.from": "noreply@id.example.org",
        "email.smtphost": "127.0.0.1",
        "email.smtpport": smtp_port,
        "email.hostname": "localhost",
        "email.ratelimit_sender.burst": 1000,
    }
    return {"general": general, "db": {"db.file": folder / "sydent.db"}, "http": http, "email": mail}


def _prepare(folder: Path, settings: dict[str, dict[str, Any]]) -> Path:
    """Write configuration, terms and the templates that are not in the package; return the configuration."""
    config = ConfigParser(interpolation=None)
    config.read_dict({"DEFAULT": {}, **settings})
    with (folder / "sydent.conf").open("w") as file:
        config.write(file)
    brand = folder / "templates" / "matrix-org"
    brand.mkdir(parents=True)
    mail = "Subject: Code\nFrom: {{ from }}\nTo: {{ to }}\n\nThe token is {{ token }}.\n"
    (brand / "verification_template.eml.j2").write_text(mail)
    (brand / "verify_response_template.html").write_text("done")
    english = {"name": "Terms", "url": TERMS}
    terms = {"master_version": "1", "docs": {"terms": {"version": "1", "langs": {"en": english}}}}
    (folder / "terms.yaml").write_text(json.dumps(terms))
    return folder / "sydent.conf"


@contextmanager
def sydent_at(folder: Path, mails: Sink) -> Iterator[Sydent]:
    """Run a Sydent whose data live in ``folder`` and whose mails go to ``mails``."""
    command, port = [interpreter("sydent"), "-m", "sydent.sydent"], free_port()
    with Front(port).serving() as front:
        config = _prepare(folder, _settings(folder, front.name, port, mails.port))
        program = Program(command, folder, {"SYDENT_CONF": str(config)})
        with program.running(lambda: listens(port)):
            yield Sydent(Client(port), front, mails)


@frozen
class Sydent:
    """A running Sydent. ``front``: where homeservers reach it."""

    client: Client
    front: Front
    mails: Sink

    @property
    def name(self) -> str:
        return self.front.name

    def sign_in(self, user: str, *, accept: bool = True) -> str:
        """Return a token for a user, who has accepted the terms or not."""
        proof = {"access_token": user, "matrix_server_name": user.partition(":")[2], "token_type": "Bearer"}
        token: str = self._post("/v2/account/register", {**proof, "expires_in": 60}).body["token"]
        if accept:
            assert self._post("/v2/terms", {"user_accepts": [TERMS]}, token).status == 200
        return token

    def ask(self, address: str, token: str, secret: str = "secret") -> dict[str, str]:
        """Ask for a mail; return the credentials of the session."""
        body = {"email": address, "client_secret": secret, "send_attempt": 1}
        answer = self._post("/v2/validate/email/requestToken", body, token)
        assert answer.status == 200, answer
        return {"sid": str(answer.body["sid"]), "client_secret": secret}

    def prove(self, address: str, token: str, secret: str = "secret") -> dict[str, str]:
        """Ask, read the mail, confirm; return the credentials of the session."""
        credentials = self.ask(address, token, secret)
        mailed = re.search(rb"The token is (\w+)", self.mails.last())
        assert mailed
        body = {**credentials, "token": mailed[1].decode()}
        assert self._post("/v2/validate/email/submitToken", body, token).body == {"success": True}
        return credentials

    def unbind(self, body: dict[str, Any]) -> Answer:
        """Make an unbind of a client of its own, proved by a session."""
        return self._post("/v2/3pid/unbind", body)

    def owner(self, address: str) -> str | None:
        """Return whose address it is, as anybody can look it up."""
        found = self.client.get("/_matrix/identity/api/v1/lookup", medium="email", address=address)
        return str(found.body["mxid"]) if found.body else None

    def _post(self, path: str, body: dict[str, Any], token: str | None = None) -> Answer:
        return self.client.post(f"/_matrix/identity{path}", body, token)
