"""Identity servers over TLS on loopback that keep what they are told, and misbehave when a test says so."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import attrs
from attrs import define, field, frozen

from ...identity.signing import SigningKey
from ...model.lookup import hashed
from ...model.room_invite import InviteAbout, InviteRequest
from ...model.threepid import Medium, Threepid
from ..identity import FAKE_KEY
from ..rogue import Answers, Heard, Names, RogueServer, Said, authority, certified
from .fetch import Setting
from .fetch_cases import HERE
from .identity_cases import said

SERVERS = ("id.example", "other.example")
KEY_PATH = "/_matrix/identity/v2/pubkey/isvalid"
INSIDE, WRONG = "inside.example", "wrong.example"
"""Names that lead to a denied address, and to a server whose certificate is for another name."""
_NO_SESSION = said(404, {"errcode": "M_NO_VALID_SESSION", "error": "No session was found"})


@frozen
class ClientSetting:
    """What the client under test must be configured with: its network, and the name and key of its homeserver."""

    network: Setting
    server_name: str
    key: SigningKey


@define
class HttpIdentityServers:
    """Two servers behind one socket.

    * ``published``: the users bound at each server.
    * ``invited``: the invitations that were stored, by their tokens.
    * ``revoked``: the keys of invitations that are no longer valid.
    * ``algorithms``: how addresses may be written in look-ups.
    * ``peppers``: the peppers that look-ups need one after the other; the last one stays.
    * ``heard``: the requests so far.
    """

    names: Names = field(factory=lambda: Names({**dict.fromkeys((*SERVERS, WRONG), (HERE,)), INSIDE: ("10.0.0.1",)}))
    published: dict[tuple[str, Medium, str], str] = field(factory=dict)
    invited: dict[str, InviteRequest] = field(factory=dict)
    revoked: set[str] = field(factory=set)
    algorithms: Sequence[str] = ("none", "sha256")
    peppers: list[str] = field(factory=lambda: ["matrixrocks"])
    _sessions: dict[tuple[str, str, str], tuple[Medium, str]] = field(factory=dict)
    server: RogueServer = field(init=False)

    @contextmanager
    def serving(self) -> Iterator[HttpIdentityServers]:
        """Serve until the block ends."""
        with RogueServer(certified(*SERVERS), self._honest).serving() as self.server:
            yield self

    @property
    def heard(self) -> list[Heard]:
        """The requests so far."""
        return self.server.heard

    def at(self, name: str) -> str:
        """Return the ``id_server`` of a name."""
        return f"{name}:{self.server.port}"

    def prove(self, id_server: str, sid: str, client_secret: str, address: str, medium: Medium = Medium.EMAIL) -> None:
        """Store a validated session at a server."""
        self._sessions[id_server, sid, client_secret] = (medium, address)

    def say(self, what: Said) -> None:
        """Answer everything in this way from now on."""
        answers: Answers = lambda _: what  # noqa: E731  it is a table of one
        self.server.answers = answers

    def without_tls(self) -> None:
        """Speak plain text from now on."""
        self.server.context = None

    def setting(self, directory: Path, server_name: str, key: SigningKey) -> ClientSetting:
        """Return the configuration with which a client reaches these servers.

        * ``directory``: the folder for the certificates.
        """
        file = directory / "ca.pem"
        authority().cert_pem.write_to_path(str(file))
        return ClientSetting(Setting(file, self.server.port, self.names), server_name, key)

    def _honest(self, heard: Heard) -> Said:
        where, call = heard.headers["host"], heard.path.rpartition("/")[2]
        query = {name: values[0] for name, values in parse_qs(heard.target.partition("?")[2]).items()}
        if call == "hash_details":
            return said(200, {"lookup_pepper": self.peppers[0], "algorithms": list(self.algorithms)})
        if call == "isvalid":
            return said(200, {"valid": query["public_key"] not in self.revoked})
        given: dict[str, Any] = query if call == "getValidated3pid" else json.loads(heard.body)
        posted = {"unbind": self._unbound, "lookup": self._looked_up, "store-invite": self._stored}.get(call)
        if posted is not None:
            return posted(where, given)
        proved = self._sessions.get((where, given["sid"], given["client_secret"]))
        if proved is None:
            return _NO_SESSION
        return said(200, self._bound(where, proved, given.get("mxid")))

    def _bound(self, where: str, proved: tuple[Medium, str], mxid: str | None) -> dict[str, Any]:
        named = {"medium": proved[0].value, "address": proved[1]}
        if mxid is None:
            return {**named, "validated_at": 1}
        self.published[where, proved[0], proved[1]] = mxid
        return {**named, "mxid": mxid, "not_before": 0, "not_after": 1, "ts": 0}

    def _looked_up(self, where: str, body: dict[str, Any]) -> Said:
        if len(self.peppers) > 1:
            # The pepper has changed since the client asked for it.
            del self.peppers[0]
        algorithm, pepper = body["algorithm"], self.peppers[0]
        if algorithm not in self.algorithms or body["pepper"] != pepper:
            changed = {"errcode": "M_INVALID_PEPPER", "error": "Another pepper", "lookup_pepper": pepper}
            return said(400, {**changed, "algorithm": algorithm})
        found: dict[str, str] = {}
        for (server, medium, address), user in self.published.items():
            threepid = Threepid(medium, address)
            written = hashed(threepid, pepper) if algorithm == "sha256" else f"{address} {medium.value}"
            if server == where and written in body["addresses"]:
                found[written] = user
        return said(200, {"mappings": found})

    def _stored(self, where: str, body: dict[str, Any]) -> Said:
        threepid = Threepid(Medium(body["medium"]), body["address"])
        user = self.published.get((where, threepid.medium, threepid.address))
        if user is not None:
            return said(400, {"errcode": "M_THREEPID_IN_USE", "error": "The address is bound", "mxid": user})
        about = InviteAbout(**{name: body[name] for name in attrs.fields_dict(InviteAbout) if name in body})
        token = f"token{len(self.invited)}"
        self.invited[token] = InviteRequest(
            threepid=threepid, room_id=body["room_id"], sender=body["sender"], about=about
        )
        keys = [{"public_key": FAKE_KEY, "key_validity_url": key_url(where)}]
        return said(200, {"token": token, "display_name": f"{threepid.address[:1]}...", "public_keys": keys})

    def _unbound(self, where: str, body: dict[str, Any]) -> Said:
        place = (where, Medium(body["threepid"]["medium"]), body["threepid"]["address"])
        if self.published.get(place) == body["mxid"]:
            del self.published[place]
        return said(200, {})


def key_url(id_server: str) -> str:
    """Return where a server is asked about the keys of its invitations."""
    return f"https://{id_server}{KEY_PATH}"


def trusting(setting: Setting) -> ssl.SSLContext:
    """Return a TLS context that trusts these servers, for clients that need one in place of a file."""
    return ssl.create_default_context(cafile=str(setting.ca_file))
