"""The endpoints of administrators: who may call them, and what keeps pages of other sites away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import ConfigurationError, Request, Response, Service, run_sync
from matrix_threepid.endpoints import HOMESERVER, administration_table
from matrix_threepid.errors import UnknownToken
from matrix_threepid.openapi import document
from matrix_threepid.testing import ALICE

from .acting import ROOT, WHY, Desk

MAIL = "alice@example.org"
BODY = {
    "what": MAIL,
    "sid": "a-session-id",
    "user_id": ALICE,
    "reason": WHY,
}


class Tokens:
    """An authorisation by access tokens: one is the administrator's."""

    def __init__(self) -> None:
        self.seen: list[Request] = []

    async def administrator(self, request: Request) -> str | None:
        self.seen.append(request)
        token = request.headers.get("authorization", "")
        if token == "Bearer wrong":
            raise UnknownToken
        return ROOT if token == "Bearer root" or "session=root" in request.headers.get("cookie", "") else None


class Office:
    """The service of the endpoints, and short ways to call it."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.tokens = desk, Tokens()
        self.service = Service(desk.world.homeserver, administration_table(self.tokens, desk.audit))

    def call(
        self, path: str, body: Any = None, token: str | None = "root", method: str = "POST", **more: Any
    ) -> Response:
        headers = {**({"authorization": f"Bearer {token}"} if token else {}), **more.pop("headers", {})}
        request = self.desk.world.request(method, f"/_threepid/admin{path}", body, headers=headers, **more)
        answer = run_sync(self.service.handle(request))
        self.desk.world.exchanges.append((request, answer))
        return answer


@pytest.fixture
def office(make_desk: Callable[..., Desk]) -> Office:
    """The endpoints over a new world."""
    return Office(make_desk())


def paths(office: Office) -> list[str]:
    return [each.path for each in office.service.table.endpoints]


@pytest.mark.rule("SEC-161")
def test_only_administrators_may_call(office: Office) -> None:
    """Everybody else is refused before the body is read, whatever it is, and nothing is written to the audit."""
    for path in paths(office):
        for body in (BODY, b"{", b"x" * 4000):
            assert office.call(path, body, token=None).status == 403
            assert office.call(path, body, token=ALICE).status == 403
            assert office.call(path, body, token="wrong").status == 401
    assert office.desk.deeds == []


@pytest.mark.rule("SEC-161")
def test_cookies_are_not_looked_at(office: Office) -> None:
    """A request with the cookie of an administrator, as a browser sends it for any site, is refused."""
    for path in paths(office):
        assert office.call(path, BODY, token=None, headers={"cookie": "session=root"}).status == 403
    assert all("cookie" not in request.headers for request in office.tokens.seen)


@pytest.mark.rule("SEC-161")
def test_pages_of_other_sites_cannot_read(office: Office) -> None:
    """No answer, be it an error, has a CORS header or a cookie, and a preflight is refused."""
    for path in paths(office):
        answers = [office.call(path, BODY), office.call(path, BODY, token=None), office.call(path, b"{")]
        answers.append(office.call(path, method="OPTIONS"))
        assert answers[-1].status == 405
        names = {name.lower() for answer in answers for name, _ in answer.headers}
        assert [name for name in names if name.startswith("access-control") or name == "set-cookie"] == []


@pytest.mark.rule("SEC-161")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site", "content-type": "text/plain"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "https://hs.example.org"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({}, 200),
    ],
    ids=str,
)
def test_pages_of_other_sites_cannot_act(office: Office, headers: dict[str, str], status: int) -> None:
    """A form of another site does nothing, even with a password or certificate that the browser adds by itself."""
    answer = office.call("/lift_limits", {"what": MAIL, "reason": WHY}, headers=headers)
    assert answer.status == status
    assert len(office.desk.deeds) == (status == 200)
    assert len(office.tokens.seen) == (status == 200)


@pytest.mark.rule("SEC-161")
def test_clients_do_not_have_them(office: Office) -> None:
    """The endpoints are in no other table, and a service without the table does not answer them."""
    assert not any("admin" in path for path in HOMESERVER.paths)
    assert not office.desk.world.service.serves("/_threepid/admin/explain")


def test_each_of_them_does_it(office: Office) -> None:
    """A session is looked at, sent again, confirmed and cancelled; limits, bindings and data follow."""
    world = office.desk.world
    sid = world.ask(user=ALICE).json()["sid"]
    explained = office.call("/explain", {"what": sid}).json()
    assert explained["explanation"]["causes"] == ["handed_over"]
    assert "handed over" in explained["text"]
    (seen,) = office.call("/sessions", {"what": MAIL}).json()["sessions"]
    assert (seen["sid"], seen["state"]) == (sid, "handed_over")
    for path in ("/send_again", "/confirm", "/cancel"):
        assert office.call(path, {"sid": sid, "reason": WHY}).json() == {}
    for path in ("/messages", "/suppressions", "/lift_suppression"):
        assert office.call(path, {"what": MAIL, "reason": WHY}).status == 403  # nothing is recorded here
    assert office.call("/bindings", {"user_id": ALICE}).json() == {"bindings": []}
    assert office.call("/lift_limits", {"what": MAIL, "reason": WHY}).json() == {}
    assert office.call("/unbind", {"user_id": ALICE, "reason": WHY}).json() == {"id_server_unbind_result": "success"}
    assert office.call("/export", {"user_id": ALICE, "reason": WHY}).json()["export"]["user_id"] == ALICE
    assert office.call("/erase", {"user_id": ALICE, "reason": WHY}).json() == {"bindings": []}
    done = ["cancel", "confirm", "erase", "export", "lift_limits", "send_again", "unbind"]
    assert sorted(action for action, _ in office.desk.deeds) == done
    world.outbox.messages.clear()  # their session is gone, which ``check_invariants`` does not know


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("/cancel", {"sid": "none", "reason": WHY}, (404, "M_NO_VALID_SESSION")),
        ("/cancel", {"sid": "none"}, (400, "M_MISSING_PARAM")),
        ("/cancel", {"sid": 5, "reason": WHY}, (400, "M_INVALID_PARAM")),
        ("/explain", {"what": "two words"}, (400, "M_INVALID_PARAM")),
        ("/explain", {"what": "x" * 600}, (400, "M_INVALID_PARAM")),
        ("/explain", b"x" * 5000, (413, "M_TOO_LARGE")),
        ("/lift_limits", {"what": "a-session-id-22-letters", "reason": WHY}, (400, "M_INVALID_PARAM")),
    ],
)
def test_nonsense_is_refused(office: Office, path: str, body: Any, answer: tuple[int, str]) -> None:
    """Bad input is a clear error, and nothing is written to the audit."""
    refused = office.call(path, body)
    assert (refused.status, refused.json()["errcode"]) == answer
    assert office.desk.deeds == []


def test_the_table_is_wired_or_refused(office: Office) -> None:
    """Wrong parts are refused when the table is made; another prefix is served; the table has an OpenAPI document."""
    with pytest.raises(ConfigurationError, match="administrator"):
        administration_table(object(), office.desk.audit)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="record"):
        administration_table(Tokens(), object())  # type: ignore[arg-type]
    elsewhere = administration_table(Tokens(), office.desk.audit, prefix="/_synapse/client/x")
    assert "/_synapse/client/x/explain" in elsewhere.paths
    assert "/_threepid/admin/erase" in document(office.service.table)["paths"]
