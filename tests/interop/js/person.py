"""Somebody with a client that is made of matrix-js-sdk: what they do, in the functions of its ``MatrixClient``."""

from __future__ import annotations

import secrets
from typing import Any

from attrs import define, field, frozen

from .directory import Directory
from .parts import Mailbox, Phone, confirm
from .program import Client


@frozen
class Scene:
    """A program that is a client, a homeserver (its base URL), an identity server, and what both send."""

    client: Client
    homeserver: str
    directory: Directory
    mailbox: Mailbox
    phone: Phone


@define
class Person:
    """Somebody without an account, until they register. Every method may raise ``Refused``."""

    scene: Scene
    name: str
    password: str = field(repr=False, default="correct horse battery staple")
    user_id: str = ""
    _secret: str = field(init=False, repr=False, factory=lambda: secrets.token_urlsafe(24))

    @property
    def address(self) -> str:
        """Their mail address."""
        return f"{self.name}@example.org"

    # -- the client ---------------------------------------------------------------------------------

    def do(self, action: str, *arguments: Any) -> Any:
        """Do one of the actions of main.mjs."""
        return self.scene.client.do(self.name, action, *arguments)

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function of the client."""
        return self.do("call", function, *arguments)

    def with_password(self, function: str, *arguments: Any) -> Any:
        """Call a function of the client that asks for the password."""
        return self.do("withPassword", self.password, function, *arguments)

    def connect(self, login: Any = None) -> None:
        """Make a new client, logged in or not."""
        servers = {"baseUrl": self.scene.homeserver, "idBaseUrl": f"https://{self.scene.directory.name}"}
        if login is not None:
            self.user_id = login["user_id"]
            servers |= {"userId": login["user_id"], "accessToken": login["access_token"]}
        self.do("connect", servers)

    # -- the account --------------------------------------------------------------------------------

    def begin(self, **inputs: str) -> Any:
        """Begin to register with an identifier; return what the request for a token answered."""
        self.connect()
        options = {"username": self.name, "password": self.password, "clientSecret": self._secret, "inputs": inputs}
        return self.do("register", options)

    def finish(self) -> None:
        """See the registration end well, and log in."""
        self.connect(self.do("registration", "registered"))

    def register(self) -> None:
        """Register by mail."""
        self.begin(emailAddress=self.address)
        self.confirm(self.address)
        self.finish()

    def log_in(self, **identifier: str) -> None:
        """Log in with the password."""
        self.connect()
        login = {"type": "m.login.password", "identifier": identifier, "password": self.password}
        self.connect(self.call("loginRequest", login))

    def threepids(self) -> list[tuple[str, str]]:
        """Return what is listed on the account."""
        return [(each["medium"], each["address"]) for each in self.call("getThreePids")["threepids"]]

    # -- identifiers --------------------------------------------------------------------------------

    def ask(self, function: str, *identifier: str) -> Any:
        """Ask for a mail or a text message; return the session."""
        return self.call(function, *identifier, self._secret, 1)

    def creds(self, session: Any) -> dict[str, str]:
        """Return what shows that a session is one's own."""
        return {"sid": session["sid"], "client_secret": self._secret}

    def confirm(self, address: str) -> None:
        """Confirm the link of the next mail to an address."""
        confirm(self.scene.mailbox.next(address).link)

    def submit(self, session: Any, code: str) -> Any:
        """Type a code in, at the ``submit_url`` the server named."""
        url, sid = session["submit_url"], session["sid"]
        return self.call("submitMsisdnTokenOtherUrl", url, sid, self._secret, code)

    def publish(self) -> None:
        """Have the address published, with a proof the identity server asked for itself."""
        token = self.call("registerWithIdentityServer", self.call("getOpenIdToken"))["token"]
        session = self.call("requestEmailToken", self.address, self._secret, 1, None, token)
        self.confirm(self.address)
        where = {"id_server": self.scene.directory.name, "id_access_token": token}
        self.call("bindThreePid", {**where, **self.creds(session)})
