"""What the tests of accounts share: a host, and short ways to act."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from matrix_threepid import Response
from matrix_threepid.model.uia_session import UiaSession
from matrix_threepid.testing import ALICE, FakeKeeper, World

REGISTER, PASSWORD_PATH, DEACTIVATE = "/register", "/account/password", "/account/deactivate"
EMAIL, DUMMY, BY_PASSWORD = "m.login.email.identity", "m.login.dummy", "m.login.password"
NEW = {"username": "carol", "password": "a long password"}


@frozen
class Host:
    """A world and the keeper of its accounts."""

    world: World
    keeper: FakeKeeper
    alice: str = ALICE
    password: str = "the password of alice"

    def post(self, path: str, body: Any, user: str | None = None, **more: Any) -> Response:
        """Make a request."""
        return self.world.post(path, body, user, **more)

    def session(self, path: str, body: Any, user: str | None = None) -> str:
        """Make a first request; return the session of its 401."""
        response = self.post(path, body, user)
        assert response.status == 401, response.body
        return str(response.json()["session"])

    def proof(self, purpose: str, address: str = "carol@example.org") -> dict[str, Any]:
        """Prove an address by mail; return ``threepid_creds``."""
        sid = self.world.ask(address, purpose=purpose).json()["sid"]
        self.world.confirm()
        return {"sid": sid, "client_secret": "secret"}

    def rows(self) -> list[UiaSession]:
        """Return the stored sessions of user-interactive authentication."""
        return list(self.world.homeserver.uia_sessions.dump())  # type: ignore[attr-defined]
