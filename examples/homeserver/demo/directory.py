"""A person at an identity server: a token there, and proofs it asks for itself."""

from __future__ import annotations

import secrets
from typing import Any

from attrs import define, field

from matrix_threepid.testing import Failed, Mailbox, Person, answered, fetch, press


@define
class Directory:
    """An identity server as one person uses it. ``name``: as clients call it; ``url``: where it is."""

    person: Person
    name: str
    url: str
    token: str | None = field(default=None, repr=False)
    _secret: str = field(init=False, repr=False, factory=lambda: secrets.token_urlsafe(24))
    _sid: str | None = field(init=False, default=None)

    def join(self) -> None:
        """Get a token, by what the homeserver gives out for this (OpenID)."""
        self.token = str(self.call("POST", "/account/register", self.person.openid_token())["token"])

    def publish(self, address: str, mailbox: Mailbox) -> None:
        """Prove the address here, unless that was done before, and let the homeserver publish it."""
        if self._sid is None:
            self.prove(address, mailbox)
        self.person.bind(self.name, self.token or "", self.credentials)

    @property
    def credentials(self) -> dict[str, str]:
        """The proof, for the homeserver."""
        return {"sid": self._sid or "", "client_secret": self._secret}

    def prove(self, address: str, mailbox: Mailbox) -> None:
        """Ask for a mail and confirm what its link shows."""
        body = {"email": address, "client_secret": self._secret, "send_attempt": 1}
        self._sid = str(self.call("POST", "/validate/email/requestToken", body)["sid"])
        confirmed = press(fetch("GET", mailbox.next(address).link))
        if confirmed.status != 200:
            raise Failed(f"the identity server's button answered {confirmed.status}")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make a call of the identity API and return its JSON. Raises ``Failed`` unless it went well."""
        answer = answered(method, f"{self.url}/_matrix/identity/v2{path}", body, self.token)
        if answer.status != 200:
            raise Failed(f"{method} {path} answered {answer.told}")
        return answer.json()
