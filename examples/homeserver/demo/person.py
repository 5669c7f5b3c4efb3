"""A person with a client app: what they want, as calls of the client-server API."""

from __future__ import annotations

import json
import secrets
from typing import Any
from urllib.parse import quote

from .browser import Answer, fetch

_PATHS = {"add": "/account/3pid", "password": "/account/password", "register": "/register"}


class Failed(Exception):
    """The demo did not go as it should; the text says where."""


class Person:
    """Somebody who uses the server at ``url``. Whatever does not succeed raises ``Failed``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._token: str | None = None
        self._secret = secrets.token_urlsafe(24)
        self.password = secrets.token_urlsafe(12)
        self.user_id = ""

    # -- the account --------------------------------------------------------------------------------

    def register(self, name: str) -> None:
        """Make an account and log in."""
        body = {"username": name, "password": self.password}
        self.use(self._interactive("/register", body, {"type": "m.login.dummy"}))

    def log_in_by(self, address: str) -> None:
        """Log in with an address in place of a user name."""
        self._log_in({"type": "m.id.thirdparty", "medium": "email", "address": address})

    def log_in_by_phone(self, country: str, number: str) -> None:
        """Log in with a number, as dialled in a country."""
        self._log_in({"type": "m.id.phone", "country": country, "phone": number})

    def use(self, login: Any) -> None:
        """Go on with the access token of a login."""
        self.user_id, self._token = login["user_id"], login["access_token"]

    def forget_password(self) -> None:
        """Lose password and access token."""
        self.password, self._token = "", None

    def reset_password(self, sid: str) -> None:
        """Set a new password on the strength of a proved address."""
        self.password = secrets.token_urlsafe(12)
        creds = {"sid": sid, "client_secret": self._secret}
        auth = {"type": "m.login.email.identity", "threepid_creds": creds}
        self._interactive("/account/password", {"new_password": self.password}, auth)

    def deactivate(self) -> str:
        """Close the account; return what became of its bindings."""
        return str(self._interactive("/account/deactivate", {}, self._by_password())["id_server_unbind_result"])

    # -- addresses ----------------------------------------------------------------------------------

    def ask(self, purpose: str, address: str, next_link: str | None = None) -> str:
        """Ask for a mail that proves an address; return the ``sid``."""
        body = {"email": address, "client_secret": self._secret, "send_attempt": 1, "next_link": next_link}
        return str(self.call("POST", f"{_PATHS[purpose]}/email/requestToken", body)["sid"])

    def ask_by_phone(self, country: str, number: str) -> Any:
        """Ask for a text message that proves a number; return the session and where its code is to go."""
        body = {"country": country, "phone_number": number, "client_secret": self._secret, "send_attempt": 1}
        return self.call("POST", "/account/3pid/msisdn/requestToken", body)

    def submit(self, session: Any, code: str) -> None:
        """Type a code in, at the URL the session came with."""
        body = {"sid": session["sid"], "client_secret": self._secret, "token": code}
        answer = answered("POST", session["submit_url"], body, None)
        if answer.status != 200:
            raise Failed(f"the code answered {answer.status}: {answer.body.decode('utf-8', 'replace')}")

    def add(self, sid: str) -> None:
        """Put a proved address on the account."""
        body = {"sid": sid, "client_secret": self._secret}
        self._interactive("/account/3pid/add", body, self._by_password())

    def add_in_vain(self, sid: str) -> str:
        """Try to put an address on the account that is not proved; return the ``errcode``."""
        body = {"sid": sid, "client_secret": self._secret}
        return str(self.call("POST", "/account/3pid/add", body, expected=403)["errcode"])

    def addresses(self) -> list[str]:
        """Return the addresses on the account."""
        return [threepid["address"] for threepid in self.call("GET", "/account/3pid")["threepids"]]

    def remove(self, address: str) -> str:
        """Take an address off the account; return what became of its binding."""
        body = {"medium": "email", "address": address}
        return str(self.call("POST", "/account/3pid/delete", body)["id_server_unbind_result"])

    # -- identity servers ---------------------------------------------------------------------------

    def openid_token(self) -> Any:
        """Return what tells another server who this is, and nothing more."""
        return self.call("POST", f"/user/{quote(self.user_id)}/openid/request_token", {})

    def bind(self, id_server: str, id_access_token: str, credentials: dict[str, str]) -> None:
        """Have an address published that was proved at an identity server."""
        self.call(
            "POST", "/account/3pid/bind", {"id_server": id_server, "id_access_token": id_access_token, **credentials}
        )

    def unbind(self, address: str) -> str:
        """Have an address taken back wherever it is published; return what became of it."""
        body = {"medium": "email", "address": address}
        return str(self.call("POST", "/account/3pid/unbind", body)["id_server_unbind_result"])

    def bindings(self) -> dict[str, str]:
        """Return the identity servers where addresses are published, and how each stands."""
        listed = self.call("GET", "/_matrix/client/unstable/org.example.bindings")["bindings"]
        return {binding["id_server"]: binding["state"] for binding in listed}

    # -- calls --------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, expected: int = 200) -> Any:
        """Make a call and return its JSON; ``path`` below ``/_matrix/client/v3`` unless it is a whole one."""
        whole = path if path.startswith("/_matrix") else f"/_matrix/client/v3{path}"
        answer = answered(method, self.url + whole, body, self._token)
        if answer.status != expected:
            raise Failed(f"{method} {path} answered {answer.status}: {answer.body.decode('utf-8', 'replace')}")
        return answer.json()

    def _interactive(self, path: str, body: dict[str, Any], auth: dict[str, Any]) -> Any:
        """Make a call twice, as user-interactive authentication wants it: ask for the stages, then complete one."""
        session = self.call("POST", path, body, expected=401)["session"]
        return self.call("POST", path, {**body, "auth": {**auth, "session": session}})

    def _log_in(self, identifier: dict[str, str]) -> None:
        body = {"type": "m.login.password", "identifier": identifier, "password": self.password}
        self.use(self.call("POST", "/login", body))

    def _by_password(self) -> dict[str, Any]:
        identifier = {"type": "m.id.user", "user": self.user_id}
        return {"type": "m.login.password", "identifier": identifier, "password": self.password}


def answered(method: str, url: str, body: Any, token: str | None) -> Answer:
    """Make a call with a JSON body and an access token, if there are any."""
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return fetch(method, url, None if body is None else json.dumps(body).encode(), **headers)
