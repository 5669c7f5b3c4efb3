"""``move-sydent`` with the database of a real Sydent, as its users have filled it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from smtp.sink import sink

from matrix_threepid import Request
from matrix_threepid.__main__ import main
from matrix_threepid.commands.serving.parts import opened
from matrix_threepid.commands.serving.settings import ServeSettings
from matrix_threepid.identity import new_signing_key
from matrix_threepid.settings import read_file

from .sydent import TERMS, Homeserver, Sydent, sydent_at

ADDRESS = "moved@example.org"


@pytest.fixture
def homeserver() -> Iterator[Homeserver]:
    with Homeserver().serving() as homeserver:
        yield homeserver


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of ``serve`` with the terms that Sydent has."""
    (tmp_path / "signing.key").write_text(new_signing_key("0").text())
    identity_server = {
        "database": f"sqlite:///{tmp_path}/identity.db",
        "signing_key_file": str(tmp_path / "signing.key"),
        "terms": [{"name": "terms", "version": "1", "title": "Terms", "url": TERMS}],
    }
    settings = {
        "server_name": "id.example.org",
        "public_base_url": "https://id.example.org",
        "secret_file": str(tmp_path / "secret"),
        "smtp": {"host": "127.0.0.1", "from": "noreply@id.example.org"},
        "identity_server": identity_server,
    }
    file = tmp_path / "serve.json"
    file.write_text(json.dumps(settings))
    return file


def call(config: Path, method: str, path: str, token: str, body: Any = None) -> Any:
    """Make one call at the identity server of a configuration."""

    async def called() -> Any:
        async with opened(read_file(ServeSettings, config)) as served:
            assert served.identity_server is not None
            headers = {"authorization": f"Bearer {token}"}
            raw = b"" if body is None else json.dumps(body).encode()
            return (
                await served.identity_server.handle(Request(method, f"/_matrix/identity/v2{path}", headers, body=raw))
            ).json()

    return asyncio.run(called())


def look_up(sydent: Sydent, token: str) -> tuple[dict[str, Any], Any]:
    """Return what a client sends to look the address up at Sydent, and what it hears."""
    from matrix_threepid import Medium, Threepid
    from matrix_threepid.model.lookup import hashed

    pepper = sydent.client.get("/_matrix/identity/v2/hash_details", token).body["lookup_pepper"]
    named = hashed(Threepid(Medium.EMAIL, ADDRESS), pepper)
    asked = {"addresses": [named], "algorithm": "sha256", "pepper": pepper}
    return asked, sydent.client.post("/_matrix/identity/v2/lookup", asked, token).body


def test_clients_go_on_where_they_were(tmp_path: Path, homeserver: Homeserver, config: Path) -> None:
    """The same token and the same hash get the same answer before and after the move."""
    user = f"@mover:{homeserver.name}"
    folder = tmp_path / "sydent"
    folder.mkdir()
    with sink() as mails, sydent_at(folder, mails) as sydent:
        token = sydent.sign_in(user)
        proof = sydent.prove(ADDRESS, token)
        bound = sydent.client.post("/_matrix/identity/v2/3pid/bind", {**proof, "mxid": user}, token)
        assert bound.status == 200, bound
        asked, heard = look_up(sydent, token)
    assert heard == {"mappings": {asked["addresses"][0]: user}}
    assert main(["move-sydent", "--config", str(config), "--from", f"sqlite:///{folder}/sydent.db"]) == 0
    assert call(config, "GET", "/account", token) == {"user_id": user}
    assert call(config, "POST", "/lookup", token, asked) == heard
