"""The ways in: two versions of an identity server, and a delegate."""

from __future__ import annotations

from attrs import frozen

from matrix_threepid.roles.base import Role
from matrix_threepid.roles.identity_server import Delegate, IdentityServer
from matrix_threepid.testing import ALICE


@frozen
class Api:
    """One way in: a role and a version of its API; ``user``: whose token is sent along."""

    name: str
    role: type[Role]
    version: str
    user: str | None = None

    def path(self, rest: str) -> str:
        return f"/_matrix/identity{self.version}{rest}"


V2 = Api("identity server, v2", IdentityServer, "/v2", ALICE)
V1 = Api("identity server, v1", IdentityServer, "/api/v1")
DELEGATE = Api("delegate", Delegate, "/api/v1")
APIS = (V2, V1, DELEGATE)
