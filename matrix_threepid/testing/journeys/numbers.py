"""Journeys about phone numbers: a code by text message, submitted at the URL that the server gives."""

from __future__ import annotations

from ..parts import Person, PersonSession
from ..parts.client import expect_status
from ..parts.person import by_address
from .accounts import offered_to_register
from .codes import mistyped, typed
from .journey import journey
from .visit import AUTH_FAILED, COUNTRY, Visit, expect, expect_same, refused

_STAGE = "m.login.msisdn"


@journey("sms")
def add_a_number(visit: Visit) -> None:
    """A number is proved by a code and added with the password; a wrong code proves nothing."""
    alice, dialled = visit.newcomer(), visit.number()
    visit.step("ask for a text message")
    session = _asked(alice, dialled)
    code = visit.sms.next(f"+{canonical(dialled)}").code
    visit.step("type a wrong code")
    mistyped(session, code)
    visit.step("add all the same")
    refused(alice, session, AUTH_FAILED)
    visit.step("type the code")
    typed(session, code)
    visit.step("add the number, with the password")
    alice.add(session)
    (listed,) = alice.call("GET", "/account/3pid")["threepids"]
    expect_same((listed["medium"], listed["address"]), ("msisdn", canonical(dialled)), "listed")
    visit.step("delete it")
    alice.remove(canonical(dialled), "msisdn")
    expect_same(alice.addresses(), [], "the addresses")


@journey("sms")
def one_attempt_sends_one_text_message(visit: Visit) -> None:
    """The same ``send_attempt`` again sends nothing; a larger one sends again, and its code is right."""
    alice, dialled = visit.newcomer(), visit.number()
    visit.step("ask with send_attempt 1")
    session = _asked(alice, dialled)
    wanted = {"country": COUNTRY, "phone_number": dialled, "client_secret": session.client_secret}
    for attempt in (1, 2):
        visit.step(f"ask with send_attempt {attempt}")
        again = alice.request_token("/account/3pid/msisdn", **wanted, send_attempt=attempt)
        expect_same(again.sid == session.sid, True, "the sid is the same")
    visit.step("read the text messages")
    number = f"+{canonical(dialled)}"
    newest = [visit.sms.next(number) for _ in range(2)][-1]
    expect_same(visit.sms.count(number), 2, "text messages for three requests of two attempts")
    visit.step("type the newest code")
    typed(session, newest.code)


@journey("sms")
def register_with_a_number(visit: Visit) -> None:
    """``m.login.msisdn`` waits for the code, then registers an account with the number on it."""
    newcomer, dialled = visit.stranger(), visit.number()
    offered_to_register(newcomer, _STAGE)
    visit.step("ask for a text message")
    session = _asked(newcomer, dialled, "register")
    visit.step("register before typing the code")
    body = {"username": visit.name(), "password": newcomer.password}
    expect_status(newcomer.interactive("/register", body, by_address(session, _STAGE)), "POST /register", 401)
    visit.step("type the code, and register")
    typed(session, visit.sms.next(f"+{canonical(dialled)}").code)
    newcomer.register(body["username"], by_address(session, _STAGE))
    expect_same(newcomer.addresses(), [canonical(dialled)], "the addresses")
    newcomer.deactivate()


@journey("sms")
def log_in_with_a_number(visit: Visit) -> None:
    """A number as dialled names its user at login (``m.id.phone``)."""
    alice, dialled = visit.newcomer(), visit.number()
    session = _asked(alice, dialled)
    typed(session, visit.sms.next(f"+{canonical(dialled)}").code)
    alice.add(session)
    visit.step("log in with the number")
    user_id = alice.user_id
    alice.log_in_by_phone(COUNTRY, dialled)
    expect_same(alice.user_id, user_id, "the user who is logged in")
    alice.deactivate()


def canonical(dialled: str) -> str:
    """Return a number as Matrix writes it: digits with the country code."""
    return f"44{dialled.replace(' ', '')[1:]}"


def _asked(person: Person, dialled: str, purpose: str = "add") -> PersonSession:
    session = person.ask_by_phone(COUNTRY, dialled, purpose)
    expect(isinstance(session.submit_url, str), "the answer has no submit_url: nobody knows where the code goes")
    return session
