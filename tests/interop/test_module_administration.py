"""The endpoints of administrators below a real Synapse: for its server administrators, and for nobody else."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from matrix_threepid.testing.journeys import Parts
from matrix_threepid.testing.parts import Answer, Person
from matrix_threepid.testing.parts.client import answered

from .moduled import config, visited
from .site import Site

PATH = "/_synapse/client/threepid_admin"


def asked(person: Person, deed: str, **members: Any) -> Answer:
    """Call an endpoint with the access token of a person."""
    return answered("POST", f"{person.url}{PATH}/{deed}", members, person._token)


def headers_of(url: str) -> list[str]:
    """Return the CORS headers and cookies of an answer to a page of another site; OPTIONS is answered by Synapse."""
    at = urlsplit(url)
    with closing(HTTPConnection(at.hostname or "", at.port, timeout=30)) as connection:
        connection.request("POST", f"{PATH}/explain", "{}", {"Origin": "https://evil.example"})
        names = [name.lower() for name, _ in connection.getresponse().getheaders()]
    return [name for name in names if name.startswith("access-control") or name == "set-cookie"]


def test_server_administrators_help_by_hand(parts: Parts, site: Site) -> None:
    """An administrator looks at a session, sends it again and confirms it; the mails go out; others are refused."""
    with visited(parts, site, config(site, "client")) as visit:
        root = visit.newcomer()
        assert asked(root, "explain", what=root.user_id).status == 404
    site.sql("UPDATE users SET admin = 1 WHERE name = ?", root.user_id)
    with visited(parts, site, {**config(site, "client"), "administration_path": PATH}) as visit:
        root.url = visit.around.person().url
        root.use(root.log_in().json())
        alice, address = visit.newcomer(), visit.address()
        session = alice.ask("add", address)
        assert asked(alice, "explain", what=address).status == 403
        assert asked(visit.stranger(), "explain", what=address).status == 401
        explained = asked(root, "explain", what=session.sid)
        assert (explained.status, explained.json()["explanation"]["causes"]) == (200, ["handed_over"])
        assert headers_of(root.url) == []
        assert asked(root, "send_again", sid=session.sid, reason="the mail was lost").status == 200
        assert asked(root, "confirm", sid=session.sid, reason="seen at the desk").status == 200
        alice.add(session)
        assert alice.addresses() == [address]
        told = asked(root, "explain", what=address).json()["explanation"]["happened"]
        assert {"confirm", "send_again"} <= {word for each in told for word in each["text"].replace("=", " ").split()}
