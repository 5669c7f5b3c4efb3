"""A person with a client app that knows this server's own endpoint."""

from __future__ import annotations

from matrix_threepid.testing import Person as AnyPerson
from matrix_threepid.testing import PersonSession

BINDINGS = "/_matrix/client/unstable/org.example.bindings"


class Person(AnyPerson):
    """Somebody who also looks at where their addresses are published."""

    def bindings(self) -> dict[str, str]:
        """Return the identity servers where addresses are published, and how each stands."""
        return {binding["id_server"]: binding["state"] for binding in self.call("GET", BINDINGS)["bindings"]}

    def add_in_vain(self, session: PersonSession) -> str:
        """Try to put an address on the account that is not proved; return the ``errcode``."""
        return str(self.refused("/account/3pid/add", session.credentials).errcode)
