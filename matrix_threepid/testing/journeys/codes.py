"""Journeys about codes in mails, and what all journeys by code share."""

from __future__ import annotations

from ..parts import Person, PersonSession
from ..parts.client import expect_refusal, expect_status
from .journey import NotOffered, journey
from .visit import AUTH_FAILED, Visit, expect_same, refused


@journey("mail")
def add_an_address_by_code(visit: Visit) -> None:
    """An address is proved by the code of a mail at the ``submit_url`` of the answer; a wrong code proves nothing."""
    alice, address = visit.newcomer(), visit.address()
    visit.step("ask for a mail")
    session = _asked(alice, address)
    code = visit.mail.next(address).code
    visit.step("type a wrong code")
    mistyped(session, code)
    visit.step("add all the same")
    refused(alice, session, AUTH_FAILED)
    visit.step("type the code")
    typed(session, code)
    visit.step("add the address, with the password")
    alice.add(session)
    expect_same(alice.addresses(), [address], "the addresses")


@journey("mail", promise=True)
def a_code_may_be_pasted(visit: Visit) -> None:
    """A code with spaces in and around it is the same code, and is taken again after it was taken (MSC4183)."""
    alice, address = visit.newcomer(), visit.address()
    session = _asked(alice, address)
    code = visit.mail.next(address).code
    visit.step("type the code in two parts")
    typed(session, f" {code[:3]} {code[3:]} ")
    visit.step("type it again")
    typed(session, code)
    visit.step("add the address")
    alice.add(session)


def _asked(person: Person, address: str) -> PersonSession:
    session = person.ask("add", address)
    if session.submit_url is None:
        raise NotOffered("mails hold links here, not codes")
    return session


def typed(session: PersonSession, code: str) -> None:
    """Submit the right code. Raises ``Failed`` if it is not taken."""
    answer = expect_status(session.submit(code), "the code")
    expect_same(answer.member("success", bool), True, "success")


def mistyped(session: PersonSession, code: str) -> None:
    """Submit a wrong code: an error since v1.18 (MSC4183), ``success: false`` before. Raises ``Failed`` otherwise."""
    answer = session.submit(f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}")
    if answer.status == 200:
        expect_same(answer.member("success", bool), False, "success")
    else:
        expect_refusal(answer, "a wrong code")
