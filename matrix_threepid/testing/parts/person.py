"""A person with a client: what they do, as calls of the client-server API."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from attrs import field, frozen

from .browser import Answer
from .client import Client, Stage, answered, expect_status

_PATHS = {"add": "/account/3pid", "password": "/account/password", "register": "/register"}
_DUMMY: Stage = {"type": "m.login.dummy"}


@frozen
class PersonSession:
    """A validation session as its client knows it.

    * ``submit_url``: where a code is submitted; ``None`` if there is no code to type.
    """

    sid: str
    client_secret: str = field(repr=False)
    submit_url: str | None = None
    msisdn: str | None = None

    @property
    def credentials(self) -> dict[str, str]:
        """``sid`` and ``client_secret``, which show that the session is one's own."""
        return {"sid": self.sid, "client_secret": self.client_secret}

    def submit(self, code: str) -> Answer:
        """Submit a code at the URL of the session, without an access token."""
        return answered("POST", self.submit_url or "", {**self.credentials, "token": code}, None)


class Person(Client):
    """A person who uses the server at ``url``. Calls that do not succeed raise ``Failed``.

    * ``sign_up``: the stage with which they register without an address.
    """

    def __init__(self, url: str, sign_up: Stage = _DUMMY) -> None:
        super().__init__(url)
        self._sign_up = sign_up
        self.password = secrets.token_urlsafe(12)
        self.user_id = ""

    # -- the account --------------------------------------------------------------------------------

    def register(self, name: str, *stages: Stage) -> None:
        """Register and log in; ``stages``: what to complete in place of ``sign_up``."""
        body = {"username": name, "password": self.password}
        self._logged_in(self.authenticated("/register", body, *(stages or (self._sign_up,))))

    def log_in(self) -> Answer:
        """Log in by user id; return the answer."""
        return self._log_in({"type": "m.id.user", "user": self.user_id})

    def log_in_by(self, address: str) -> None:
        """Log in with an address in place of a user name."""
        self._logged_in(self._log_in({"type": "m.id.thirdparty", "medium": "email", "address": address}))

    def log_in_by_phone(self, country: str, number: str) -> None:
        """Log in with a number, as dialled in a country."""
        self._logged_in(self._log_in({"type": "m.id.phone", "country": country, "phone": number}))

    def use(self, login: Mapping[str, str]) -> None:
        """Use the access token of a login from now on."""
        self.user_id, self._token = login["user_id"], login["access_token"]

    def forget_password(self) -> None:
        """Forget password and access token."""
        self.password, self._token = "", None

    def reset_password(self, session: PersonSession) -> None:
        """Set a new password by means of a proved address."""
        password = secrets.token_urlsafe(12)
        self.authenticated("/account/password", {"new_password": password}, by_address(session))
        self.password = password

    def deactivate(self) -> str:
        """Deactivate the account; return ``id_server_unbind_result``."""
        return str(self.authenticated("/account/deactivate", {}, self.by_password()).member(_RESULT))

    # -- addresses ----------------------------------------------------------------------------------

    def ask(self, purpose: str, address: str, next_link: str | None = None) -> PersonSession:
        """Request a mail that proves an address."""
        more = {} if next_link is None else {"next_link": next_link}
        return self.request_token(f"{_PATHS[purpose]}/email", email=address, **more)

    def ask_by_phone(self, country: str, number: str, purpose: str = "add") -> PersonSession:
        """Request a text message that proves a number, as dialled in a country."""
        return self.request_token(f"{_PATHS[purpose]}/msisdn", country=country, phone_number=number)

    def request_token(self, path: str, **members: Any) -> PersonSession:
        """Request a message, with a new secret and ``send_attempt`` 1 unless ``members`` give others."""
        body = {"client_secret": secrets.token_urlsafe(24).replace("-", "."), "send_attempt": 1, **members}
        answer = expect_status(self.send("POST", f"{path}/requestToken", body), f"POST {path}/requestToken")
        given = answer.json()
        return PersonSession(answer.member("sid"), body["client_secret"], given.get("submit_url"), given.get("msisdn"))

    def add(self, session: PersonSession) -> None:
        """Put a proved address on the account."""
        self.authenticated("/account/3pid/add", session.credentials, self.by_password())

    def addresses(self) -> list[str]:
        """Return the addresses on the account."""
        return [threepid["address"] for threepid in self.call("GET", "/account/3pid")["threepids"]]

    def remove(self, address: str, medium: str = "email") -> str:
        """Remove an address from the account; return ``id_server_unbind_result``."""
        return self._take_back("delete", address, medium)

    # -- identity servers ---------------------------------------------------------------------------

    def openid_token(self) -> Any:
        """Return an OpenID token, with which another server learns the user id."""
        return self.call("POST", f"/user/{quote(self.user_id)}/openid/request_token", {})

    def bind(self, id_server: str, id_access_token: str, credentials: dict[str, str]) -> None:
        """Bind an address that was proved at an identity server."""
        self.call(
            "POST", "/account/3pid/bind", {"id_server": id_server, "id_access_token": id_access_token, **credentials}
        )

    def unbind(self, address: str, medium: str = "email") -> str:
        """Unbind an address wherever it is published; return ``id_server_unbind_result``."""
        return self._take_back("unbind", address, medium)

    def _take_back(self, how: str, address: str, medium: str) -> str:
        path = f"/account/3pid/{how}"
        answer = self.send("POST", path, {"medium": medium, "address": address})
        return str(expect_status(answer, f"POST {path}").member(_RESULT))

    # -- proofs -------------------------------------------------------------------------------------

    def by_password(self) -> Stage:
        """Return the ``auth`` of the stage ``m.login.password``."""
        identifier = {"type": "m.id.user", "user": self.user_id}
        return {"type": "m.login.password", "identifier": identifier, "password": self.password}

    def _logged_in(self, answer: Answer) -> None:
        expect_status(answer, "the login")
        self.use({name: answer.member(name) for name in ("user_id", "access_token")})

    def _log_in(self, identifier: dict[str, str]) -> Answer:
        return self.send(
            "POST", "/login", {"type": "m.login.password", "identifier": identifier, "password": self.password}
        )


_RESULT = "id_server_unbind_result"


def by_address(session: PersonSession, stage: str = "m.login.email.identity") -> Stage:
    """Return the ``auth`` of a stage with a validated session; ``m.login.msisdn`` for numbers."""
    return {"type": stage, "threepid_creds": session.credentials}
