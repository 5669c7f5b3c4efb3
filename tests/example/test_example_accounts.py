"""The example's accounts over HTTP: registration, login, passwords, and the end of an account."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from serving import Example

from examples.homeserver.demo.person import Person
from matrix_threepid.testing.parts import Mailbox, fetch, press

SECRET = "a-client-secret"


def proved(person: Person, mailbox: Mailbox, purpose: str, address: str) -> dict[str, str]:
    """Ask, read the mail, confirm; return the credentials of the session."""
    path = {"register": "/register", "password": "/account/password"}[purpose]
    body = {"email": address, "client_secret": SECRET, "send_attempt": 1}
    sid = person.call("POST", f"{path}/email/requestToken", body)["sid"]
    press(fetch("GET", mailbox.next(address).link))
    return {"sid": sid, "client_secret": SECRET}


def interactive(person: Person, path: str, body: dict[str, Any]) -> str:
    """Return the session of a call's first answer."""
    return str(person.call("POST", path, body, expected=401)["session"])


@pytest.mark.parametrize(
    ("name", "spelling"),
    [("modern", lambda creds: {"threepid_creds": creds}), ("ancient", lambda creds: {"threepidCreds": [creds]})],
)
def test_registration_by_mail_puts_the_address_on_the_account(
    person: Person, mailbox: Mailbox, name: str, spelling: Any
) -> None:
    """``m.login.email.identity`` in either spelling completes a registration, and the address logs in at once."""
    address, body = f"{name}@example.org", {"username": name, "password": person.password, "bind_email": True}
    session = interactive(person, "/register", body)
    auth = {"type": "m.login.email.identity", "session": session}
    auth.update(spelling(proved(person, mailbox, "register", address)))
    assert person.call("POST", "/register", {**body, "auth": auth})["user_id"] == f"@{name}:hs.example.org"
    person.log_in_by(address)
    assert person.addresses() == [address]


def test_the_mail_stage_can_be_polled(person: Person, mailbox: Mailbox) -> None:
    """Until the link is confirmed every poll answers 401 with the stages; then the same call succeeds."""
    body = {"username": "poller", "password": "a password"}
    asked = {"email": "poller@example.org", "client_secret": SECRET, "send_attempt": 1}
    sid = person.call("POST", "/register/email/requestToken", asked)["sid"]
    session = interactive(person, "/register", body)
    creds = {"sid": sid, "client_secret": SECRET}
    poll = {**body, "auth": {"type": "m.login.email.identity", "session": session, "threepid_creds": creds}}
    for _ in range(2):
        waiting = person.call("POST", "/register", poll, expected=401)
        assert (waiting["errcode"], waiting["session"]) == ("M_UNAUTHORIZED", session)
        assert {"stages": ["m.login.email.identity"]} in waiting["flows"]
    press(fetch("GET", mailbox.next("poller@example.org").link))
    assert person.call("POST", "/register", poll)["user_id"] == "@poller:hs.example.org"


@pytest.mark.parametrize(
    ("creds", "errcode"),
    [
        ({}, "M_MISSING_PARAM"),
        ("x", "M_INVALID_PARAM"),
        ([], "M_INVALID_PARAM"),
        ({"sid": "", "client_secret": "x"}, "M_INVALID_PARAM"),
        ({"sid": "unknown", "client_secret": "x"}, "M_UNAUTHORIZED"),
    ],
)
def test_bad_credentials_fail_the_stage_only(person: Person, creds: Any, errcode: str) -> None:
    """Whatever ``threepid_creds`` holds, the answer is a 401 with the stages and what is wrong."""
    body = {"username": "nobody", "password": "a password"}
    auth = {"type": "m.login.email.identity", "threepid_creds": creds}
    failed = person.call("POST", "/register", {**body, "auth": auth}, expected=401)
    assert (failed["errcode"], bool(failed["flows"])) == (errcode, True)


@pytest.mark.parametrize("kind", [None, "", "m.login.unknown", 1, [], {}])
def test_a_stage_that_is_none_is_no_way_in(person: Person, kind: Any) -> None:
    """``auth.type`` of any kind that is not a stage answers 401."""
    body = {"username": "nobody", "password": "a password", "auth": {"type": kind}}
    assert person.call("POST", "/register", body, expected=401)["flows"]


def test_a_user_name_must_be_free(person: Person) -> None:
    """A taken name answers M_USER_IN_USE before anybody is asked to prove anything."""
    person.register("taken")
    assert person.call("POST", "/register", {"username": "taken"}, expected=400)["errcode"] == "M_USER_IN_USE"


@pytest.mark.parametrize("username", ["Upper", "a b", "a:b", "ä", "a" * 250])
def test_a_user_name_must_be_valid(person: Person, username: str) -> None:
    """A name that no user id may have answers M_INVALID_USERNAME."""
    assert person.call("POST", "/register", {"username": username}, expected=400)["errcode"] == "M_INVALID_USERNAME"


def test_one_proof_makes_one_account(person: Person, mailbox: Mailbox) -> None:
    """Of many registrations at once with one proved address a single one succeeds, the others are refused."""
    creds = proved(person, mailbox, "register", "single@example.org")
    auth = {"type": "m.login.email.identity", "threepid_creds": creds}
    url = f"{person.url}/_matrix/client/v3/register"

    def sign_up(number: int) -> int:
        body = {"username": f"twin{number}", "password": "a password", "auth": auth}
        return fetch("POST", url, json.dumps(body).encode()).status

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(sign_up, range(8)))
    assert (statuses[0], set(statuses[1:]) <= {400, 401}) == (200, True)


def test_registration_without_login_gives_no_token(person: Person) -> None:
    """``inhibit_login`` makes the account and no device; without a name the server chooses one."""
    body = {"password": "a password", "inhibit_login": True, "auth": {"type": "m.login.dummy"}}
    made = person.call("POST", "/register", body)
    assert list(made) == ["user_id"]


def test_denied_domains_are_refused(person: Person) -> None:
    """``denied_email_domains`` closes registration to an address, however it is written."""
    body = {"email": "a@denied.EXAMPLE.com", "client_secret": SECRET, "send_attempt": 1}
    refused = person.call("POST", "/register/email/requestToken", body, expected=403)
    assert refused["errcode"] == "M_THREEPID_DENIED"


@pytest.mark.parametrize(
    "identifier",
    [
        {"identifier": {"type": "m.id.user", "user": "nobody"}},
        {"identifier": {"type": "m.id.user", "user": "@alice:elsewhere.example.org"}},
        {"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "nobody@example.org"}},
        {"identifier": {"type": "m.id.phone", "country": "GB", "phone": "07700900001"}},
        {"identifier": {"type": "m.id.thirdparty", "medium": "msisdn", "address": "44\x007700900001"}},
        {"identifier": []},
        {"user": 1},
        {"medium": "email", "address": "nobody@example.org"},
        {},
    ],
)
def test_logins_that_do_not_fit_look_alike(person: Person, identifier: dict[str, Any]) -> None:
    """Unknown users and unknown addresses answer as a wrong password does."""
    body = {"type": "m.login.password", "password": "wrong", **identifier}
    assert person.call("POST", "/login", body, expected=403)["errcode"] == "M_FORBIDDEN"


def test_a_login_ends_with_logout(person: Person) -> None:
    """``whoami`` names user and device of the token, and ``logout`` ends it."""
    person.register("walker")
    body = {"type": "m.login.password", "user": "walker", "password": person.password, "device_id": "PHONE"}
    person.use(person.call("POST", "/login", body))
    assert person.call("GET", "/account/whoami")["device_id"] == "PHONE"
    person.call("POST", "/logout", {})
    assert person.call("GET", "/account/whoami", expected=401)["errcode"] == "M_UNKNOWN_TOKEN"


def test_a_new_password_logs_out_other_devices(person: Person) -> None:
    """With ``logout_devices`` at its default only the device that set the password stays logged in."""
    person.register("changer")
    other = Person(person.url)
    login = {"type": "m.login.password", "user": "changer", "password": person.password}
    other.use(other.call("POST", "/login", login))
    auth = {"type": "m.login.password", "password": person.password}
    person.call("POST", "/account/password", {"new_password": "another", "auth": auth})
    assert person.call("GET", "/account/whoami")["user_id"] == "@changer:hs.example.org"
    other.call("GET", "/account/whoami", expected=401)
    person.call("POST", "/login", login, expected=403)
    person.call("POST", "/login", {**login, "password": "another"})


def test_a_new_password_ends_resets_under_way(person: Person, mailbox: Mailbox) -> None:
    """Whoever has asked for a reset before the password was changed can no longer use it."""
    person.register("careful")
    sid = person.ask("add", "careful@example.org")
    press(fetch("GET", mailbox.next("careful@example.org").link))
    person.add(sid)
    creds = proved(Person(person.url), mailbox, "password", "careful@example.org")
    auth = {"type": "m.login.password", "password": person.password}
    person.call("POST", "/account/password", {"new_password": "another", "auth": auth})
    reset = {"new_password": "stolen", "auth": {"type": "m.login.email.identity", "threepid_creds": creds}}
    assert Person(person.url).call("POST", "/account/password", reset, expected=401)["errcode"] == "M_UNAUTHORIZED"


@pytest.mark.rule("SEC-42")
def test_authentication_is_for_one_action_and_one_body(person: Person) -> None:
    """A session is good for nothing but the call it was opened for, and an unknown one is not adopted."""
    person.register("binder")
    auth = {"type": "m.login.password", "password": person.password}
    session = interactive(person, "/account/deactivate", {"erase": True})
    for path, body, named in (
        ("/account/password", {"new_password": "x"}, session),
        ("/account/deactivate", {"erase": False}, session),
        ("/account/deactivate", {"erase": True}, "invented"),
        ("/account/deactivate", {"erase": True}, {}),
    ):
        refused = person.call("POST", path, {**body, "auth": {**auth, "session": named}}, expected=401)
        assert refused["errcode"] == "M_FORBIDDEN"
        assert refused["session"] not in (session, "invented")
    person.call("POST", "/account/deactivate", {"erase": True, "auth": {**auth, "session": session}})


@pytest.mark.rule("SEC-129")
def test_a_deactivated_account_leaves_its_address_to_others(person: Person, mailbox: Mailbox, server: Example) -> None:
    """Name and password are dead for good, the address is free, and nobody resets a password by it."""
    person.register("leaver")
    sid = person.ask("add", "leaver@example.org")
    press(fetch("GET", mailbox.next("leaver@example.org").link))
    person.add(sid)
    assert person.deactivate() == "success"
    heir = Person(server.url)
    heir.call("POST", "/login", {"type": "m.login.password", "user": "leaver", "password": person.password}, 403)
    heir.call("POST", "/register", {"username": "leaver", "password": "x"}, 400)
    asked = {"email": "leaver@example.org", "client_secret": SECRET, "send_attempt": 1}
    missing = heir.call("POST", "/account/password/email/requestToken", asked, 400)
    assert missing["errcode"] == "M_THREEPID_NOT_FOUND"
    heir.register("heir")
    sid = heir.ask("add", "leaver@example.org")
    press(fetch("GET", mailbox.next("leaver@example.org").link))
    heir.add(sid)
    assert heir.addresses() == ["leaver@example.org"]


def test_authentication_is_by_the_user_of_the_request(person: Person) -> None:
    """An identifier that is none is 400, one that names another user 403, although the password is right."""
    person.register("prover")
    auth = {"type": "m.login.password", "password": person.password}
    auth["session"] = interactive(person, "/account/deactivate", {})
    for named, status, errcode in (
        ({"identifier": []}, 400, "M_INVALID_PARAM"),
        ({"identifier": {"type": "m.id.user", "user": "somebody"}}, 403, "M_FORBIDDEN"),
        ({"user": "somebody"}, 403, "M_FORBIDDEN"),
    ):
        refused = person.call("POST", "/account/deactivate", {"auth": {**auth, **named}}, expected=status)
        assert refused["errcode"] == errcode
    own = {"identifier": {"type": "m.id.user", "user": "prover"}}
    person.call("POST", "/account/deactivate", {"auth": {**auth, **own}})
