"""``/account/password`` and ``/account/deactivate``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flows.acting import give

from matrix_threepid import Peppers, run_sync
from matrix_threepid.testing import FakeCallers
from matrix_threepid.testing.world import PEPPER

from .people import BY_PASSWORD, DEACTIVATE, EMAIL, PASSWORD_PATH, Host

NEW = "a new long password"
ADD = "/account/3pid/add"
MINUTE = 60_000


def _auth(host: Host, path: str, body: Any, **more: Any) -> dict[str, Any]:
    return {"type": BY_PASSWORD, "session": host.session(path, body, host.alice), "password": host.password, **more}


def _fits(host: Host, password: str) -> bool:
    return run_sync(host.keeper.password_fits(host.alice, password))


def test_a_caller_changes_their_password(host: Host) -> None:
    """The old password completes the request; other devices are logged out unless the client says no."""
    body = {"new_password": NEW}
    assert host.post(PASSWORD_PATH, {**body, "auth": _auth(host, PASSWORD_PATH, body)}, host.alice).json() == {}
    assert (_fits(host, NEW), host.keeper.logged_out) == (True, [host.alice])


def test_other_devices_may_stay(host: Host) -> None:
    """With ``logout_devices: false`` in the first body nobody is logged out, also if a later body is ``auth``."""
    body = {"new_password": NEW, "logout_devices": False}
    assert host.post(PASSWORD_PATH, {"auth": _auth(host, PASSWORD_PATH, body)}, host.alice).status == 200
    assert (_fits(host, NEW), host.keeper.logged_out) == (True, [])


def test_a_wrong_password_changes_nothing(host: Host) -> None:
    """A wrong old password is 401, and one of another user's name 403."""
    body = {"new_password": NEW}
    wrong = {**_auth(host, PASSWORD_PATH, body), "password": "not hers at all"}
    assert host.post(PASSWORD_PATH, {**body, "auth": wrong}, host.alice).json()["errcode"] == "M_FORBIDDEN"
    other = {**_auth(host, PASSWORD_PATH, body), "identifier": {"type": "m.id.user", "user": "bob"}}
    assert host.post(PASSWORD_PATH, {**body, "auth": other}, host.alice).status == 403
    assert _fits(host, host.password)


def _reset(host: Host) -> dict[str, Any]:
    give(host.world, "alice@example.org", host.alice)
    body = {"new_password": NEW}
    session = host.session(PASSWORD_PATH, body)
    creds = host.proof("password", "alice@example.org")
    return {**body, "auth": {"type": EMAIL, "session": session, "threepid_creds": creds}}


@pytest.mark.rule("REQ-UIA-10")
def test_a_reset_by_mail_and_its_repetition(host: Host) -> None:
    """Who proved the address sets the password; the same request again is a success and changes nothing."""
    body = _reset(host)
    assert host.post(PASSWORD_PATH, body).status == 200
    run_sync(host.keeper.set_password(host.alice, run_sync(host.keeper.hash_password("changed meanwhile"))))
    assert host.post(PASSWORD_PATH, body).status == 200
    assert (_fits(host, "changed meanwhile"), len(host.keeper.logged_out)) == (True, 1)
    assert host.post(PASSWORD_PATH, {**body, "new_password": "something else"}).status == 401


@pytest.mark.rule("SEC-3")
def test_a_password_ends_open_resets(host: Host) -> None:
    """A reset that is open while its owner changes the password sets nothing any more."""
    open_reset = _reset(host)
    body = {"new_password": "hers, a long one"}
    assert host.post(PASSWORD_PATH, {**body, "auth": _auth(host, PASSWORD_PATH, body)}, host.alice).status == 200
    assert host.post(PASSWORD_PATH, open_reset).status == 401
    assert _fits(host, "hers, a long one")


def test_an_address_of_nobody_resets_nothing(host: Host) -> None:
    """An address that has left the account since its proof is answered with ``M_THREEPID_NOT_FOUND``."""
    body = _reset(host)
    host.world.accounts.on.clear()
    assert host.post(PASSWORD_PATH, body).json()["errcode"] == "M_THREEPID_NOT_FOUND"


@pytest.mark.parametrize("path", [PASSWORD_PATH, DEACTIVATE])
def test_oauth_sessions_are_sent_elsewhere(make_host: Callable[..., Host], path: str) -> None:
    """A session of OAuth 2.0 cannot use endpoints of user-interactive authentication (REQ-ADD-10)."""
    callers = FakeCallers()
    host = make_host(callers=callers)
    callers.kinds[host.alice] = {"oauth": True}
    assert host.post(path, {"new_password": NEW}, host.alice).json()["errcode"] == "M_UNRECOGNIZED"


@pytest.mark.rule("REQ-DEACT-9")
@pytest.mark.parametrize("erase", [True, False])
def test_an_account_is_closed(host: Host, erase: bool) -> None:
    """The password completes the request; addresses, password and tokens are gone, and ``erase`` is passed on."""
    give(host.world, "alice@example.org", host.alice)
    body = {"erase": erase}
    done = host.post(DEACTIVATE, {"auth": _auth(host, DEACTIVATE, body)}, host.alice)
    assert (done.status, done.json()) == (200, {"id_server_unbind_result": "success"})
    assert (host.keeper.passwords[host.alice], host.world.threepids(host.alice)) == (None, [])
    assert host.keeper.erased == [host.alice] * erase


@pytest.mark.rule("SEC-42")
def test_a_session_is_for_one_action_and_user(host: Host) -> None:
    """A session opened for a password does not close the account, nor serve another user."""
    auth = _auth(host, PASSWORD_PATH, {"new_password": NEW})
    assert host.post(DEACTIVATE, {"auth": auth}, host.alice).status == 401
    assert host.post(PASSWORD_PATH, {"auth": auth}, "@bob:hs.example.org").status == 401
    assert (_fits(host, host.password), host.keeper.passwords[host.alice] is None) == (True, False)


def test_addresses_are_added_by_password(host: Host) -> None:
    """Without the host's own authentication ``/account/3pid/add`` asks for the password of the account."""
    creds = host.proof("add", "alice@example.org")
    session = host.session("/account/3pid/add", creds, host.alice)
    auth = {"type": BY_PASSWORD, "session": session, "password": host.password}
    assert host.post("/account/3pid/add", {**creds, "auth": auth}, host.alice).status == 200
    assert host.world.threepids(host.alice) == ["alice@example.org"]


def test_passwords_are_guessed_only_so_often(host: Host) -> None:
    """The tries of one user's password are limited, over all sessions."""
    body = {"new_password": NEW}
    wrong = {**_auth(host, PASSWORD_PATH, body), "password": "not hers at all"}
    answers = [host.post(PASSWORD_PATH, {**body, "auth": wrong}, host.alice).status for _ in range(62)]
    assert (answers[:60], answers[-1]) == ([401] * 60, 429)


@pytest.mark.rule("SEC-112")
@pytest.mark.parametrize("path", [PASSWORD_PATH, DEACTIVATE, ADD])
def test_an_authentication_goes_on_after_a_rotation(host: Host, path: str) -> None:
    """A session that was opened before the pepper was rotated completes; for another body it is none then either."""
    adds = path == ADD
    body = host.proof("add") if adds else {"new_password": NEW} if path == PASSWORD_PATH else {}
    first, second = (_auth(host, path, body) for _ in range(2))
    host.world.rewire(peppers=Peppers.of(b"another pepper, of 32 bytes or more", PEPPER))
    if adds:
        other = host.proof("add", "other@example.org")
        assert host.post(path, {**other, "auth": second}, host.alice).status == 401
    assert host.post(path, {**body, "auth": first}, host.alice).status == 200


@pytest.mark.rule("SEC-112")
def test_an_authentication_ends_with_its_pepper(host: Host) -> None:
    """Once a pepper is gone its sessions authenticate nothing, and the answer names a new one that does."""
    body = {"new_password": NEW}
    auth = _auth(host, PASSWORD_PATH, body)
    host.world.rewire(peppers=Peppers.of(b"another pepper, of 32 bytes or more"))
    refused = host.post(PASSWORD_PATH, {**body, "auth": auth}, host.alice)
    assert refused.status == 401
    again = {**auth, "session": refused.json()["session"]}
    assert host.post(PASSWORD_PATH, {**body, "auth": again}, host.alice).status == 200


@pytest.mark.rule("SEC-20")
def test_a_stored_id_goes_on_with_nothing(host: Host) -> None:
    """Whoever has read the id of a session in the store cannot set the password of the one who proved the address."""
    reset = _reset(host)
    first = host.session(PASSWORD_PATH, {})
    waiting = host.post(PASSWORD_PATH, {"auth": {**reset["auth"], "session": first}})
    assert waiting.json()["errcode"] == "M_MISSING_PARAM"
    for row in host.rows():
        for known in (row.id, first[:-1] + ("a" if first[-1] != "a" else "b"), row.id + row.id):
            stolen = {"new_password": "a password of a thief", "auth": {"session": known}}
            assert host.post(PASSWORD_PATH, stolen).json()["errcode"] == "M_FORBIDDEN"
    assert host.post(PASSWORD_PATH, {"new_password": NEW, "auth": {"session": first}}).status == 200
    assert _fits(host, NEW)
