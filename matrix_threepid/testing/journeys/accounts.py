"""Journeys about accounts: registration, password reset, login and deactivation with a mail address."""

from __future__ import annotations

from ..parts import Person, PersonSession
from ..parts.client import expect_refusal, expect_status
from ..parts.person import by_address
from .journey import NotOffered, journey
from .visit import Visit, expect_same

_UNKNOWN = "M_THREEPID_NOT_FOUND"
_PASSWORD = "/account/password"
_RESULTS = ("success", "no-support")


@journey("mail")
def register_with_an_address(visit: Visit) -> None:
    """``m.login.email.identity`` waits for the confirmation, then registers an account with the address on it."""
    newcomer, address = visit.stranger(), visit.address()
    offered_to_register(newcomer, "m.login.email.identity")
    visit.step("ask for a mail")
    session = newcomer.ask("register", address)
    visit.step("register before confirming")
    body = {"username": visit.name(), "password": newcomer.password}
    expect_status(newcomer.interactive("/register", body, by_address(session)), "POST /register", 401)
    visit.step("confirm, and register")
    visit.confirm(session, address)
    newcomer.register(body["username"], by_address(session))
    visit.step("list the addresses")
    expect_same(newcomer.addresses(), [address], "the addresses")


def offered_to_register(newcomer: Person, stage: str) -> None:
    """Raise ``NotOffered`` unless this stage alone is enough to register."""
    flows = newcomer.send("POST", "/register", {}).member("flows", list)
    if all(flow["stages"] != [stage] for flow in flows):
        raise NotOffered(f"no flow of registration consists of {stage}")


@journey("mail")
def reset_a_password(visit: Visit) -> None:
    """The reader of the mail sets a new password; the old password and access token no longer work."""
    address = visit.address()
    alice, forgetful = visit.resident(address), visit.stranger()
    forgetful.user_id = alice.user_id
    visit.step("ask for a mail, without an access token")
    session = forgetful.ask("password", address)
    visit.step("set a password before confirming")
    _reset_in_vain(forgetful, session)
    expect_status(alice.log_in(), "the login with the old password")
    visit.step("confirm, and set a password")
    visit.confirm(session, address)
    forgetful.reset_password(session)
    visit.step("log in with the old password")
    expect_refusal(alice.log_in(), "POST /login", "M_FORBIDDEN")
    visit.step("use the old access token")
    alice.call("GET", "/account/whoami", expected=401)
    visit.step("log in with the new password")
    expect_status(forgetful.log_in(), "POST /login")


@journey("mail", promise=True)
def a_session_resets_once(visit: Visit) -> None:
    """A session resets one password: an old mail sets no other one."""
    address = visit.address()
    visit.resident(address)
    forgetful = visit.stranger()
    session = visit.proved(forgetful, address, "password")
    forgetful.reset_password(session)
    visit.step("set another password with the session")
    _reset_in_vain(forgetful, session)


def _reset_in_vain(person: Person, session: PersonSession) -> None:
    answer = person.interactive(_PASSWORD, {"new_password": "a new password"}, by_address(session))
    if answer.status != 401:
        expect_refusal(answer, f"POST {_PASSWORD}")


@journey("mail")
def reset_of_an_unknown_address(visit: Visit) -> None:
    """An address on no account resets nothing: the request is refused, or the answer does not tell."""
    person, address = visit.stranger(), visit.address()
    visit.step("ask for a mail")
    body = {"email": address, "client_secret": "a.secret", "send_attempt": 1}
    answer = person.send("POST", f"{_PASSWORD}/email/requestToken", body)
    if answer.status != 200:
        expect_refusal(answer, f"POST {_PASSWORD}/email/requestToken", _UNKNOWN)


@journey("mail")
def log_in_with_an_address(visit: Visit) -> None:
    """An address names its user at login; an unknown one is answered like a wrong password."""
    address = visit.address()
    alice = visit.resident(address)
    visit.step("log in with the address")
    user_id = alice.user_id
    alice.log_in_by(address)
    expect_same(alice.user_id, user_id, "the user who is logged in")
    for identifier in (address, visit.address()):
        visit.step(f"log in with {'the' if identifier == address else 'an unknown'} address and a wrong password")
        who = {"type": "m.id.thirdparty", "medium": "email", "address": identifier}
        alice.refused("/login", {"type": "m.login.password", "identifier": who, "password": "wrong"}, "M_FORBIDDEN")


@journey("mail")
def deactivation_frees_an_address(visit: Visit) -> None:
    """A deactivated user is logged out for good, and another user may have the address."""
    address = visit.address()
    alice, bob = visit.resident(address), visit.newcomer()
    visit.step("deactivate")
    result = alice.deactivate()
    expect_same(result in _RESULTS, True, "id_server_unbind_result is success or no-support")
    visit.step("use the access token")
    alice.call("GET", "/account/whoami", expected=401)
    visit.step("log in")
    expect_refusal(alice.log_in(), "POST /login")
    visit.step("prove and add the address as somebody else")
    bob.add(visit.proved(bob, address))
    expect_same(bob.addresses(), [address], "the addresses")
