"""Journeys about invalid proofs: unfinished, wrong, used, or of another user."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import evolve

from ..parts import Failed, fetch, press
from ..parts.browser import has_button
from ..parts.client import expect_refusal
from .journey import NotOffered, journey
from .visit import AUTH_FAILED, Visit, expect, expect_same, refused


@journey("mail")
def unproved_addresses_are_refused(visit: Visit) -> None:
    """Nothing is added before the confirmation, with another secret, or under another ``sid``."""
    alice, address = visit.newcomer(), visit.address()
    session = alice.ask("add", address)
    visit.step("add before confirming")
    refused(alice, session, AUTH_FAILED)
    visit.step("confirm")
    visit.confirm(session, address)
    visit.step("add with another secret")
    refused(alice, evolve(session, client_secret=session.client_secret[::-1]), AUTH_FAILED)
    visit.step("add with another sid")
    refused(alice, evolve(session, sid="unknown"), AUTH_FAILED)
    expect_same(alice.addresses(), [], "the addresses")
    visit.step("add with what is right")
    alice.add(session)


@journey("mail")
def a_wrong_token_proves_nothing(visit: Visit) -> None:
    """A link with a wrong token is answered 4xx, and the address stays unproved."""
    alice, address = visit.newcomer(), visit.address()
    session = alice.ask("add", address)
    if session.submit_url is not None:
        raise NotOffered("mails hold codes here, not links")
    link = visit.letter(address).link
    visit.step("open a link with another token")
    page = fetch("GET", _wrong(link), follow=False)
    if page.status == 200 and has_button(page):
        page = press(page, follow=False)
    expect(400 <= page.status < 500, f"the answer was {page.told}")
    visit.step("add all the same")
    refused(alice, session, AUTH_FAILED)
    visit.step("follow the link as it was, and add")
    visit.follow(link)
    alice.add(session)


def _wrong(link: str) -> str:
    """Return a link whose ``token``, or else whose longest value, is another one of the same length."""
    parts = urlsplit(link)
    values = dict(parse_qsl(parts.query))
    if not values:
        raise NotOffered("links have no query here")
    name = "token" if "token" in values else max(values, key=lambda each: len(values[each]))
    return parts._replace(query=urlencode({**values, name: "x" * len(values[name])})).geturl()


@journey("mail")
def a_stolen_access_token_adds_nothing(visit: Visit) -> None:
    """Adding an address needs the password: without it, or with a wrong one, nothing is added (MSC2290)."""
    alice, address = visit.newcomer(), visit.address()
    session = visit.proved(alice, address)
    visit.step("add without authentication")
    alice.interactive("/account/3pid/add", session.credentials)
    visit.step("add with a wrong password")
    answer = alice.interactive("/account/3pid/add", session.credentials, {**alice.by_password(), "password": "wrong"})
    expect_refusal(answer, "POST /account/3pid/add")
    expect_same(alice.addresses(), [], "the addresses")
    visit.step("add with the password")
    alice.add(session)


@journey("mail", promise=True)
def a_spent_session_is_spent(visit: Visit) -> None:
    """A session adds its address once: after a delete it cannot add it again."""
    alice, address = visit.newcomer(), visit.address()
    session = visit.proved(alice, address)
    alice.add(session)
    alice.remove(address)
    visit.step("add with the session again")
    refused(alice, session, AUTH_FAILED)
    expect_same(alice.addresses(), [], "the addresses")


@journey("mail", promise=True)
def a_session_is_for_one_purpose(visit: Visit) -> None:
    """A session for a registration cannot add its address to an existing account."""
    alice = visit.newcomer()
    try:
        session = visit.proved(visit.stranger(), visit.address(), "register")
    except Failed as failed:
        raise NotOffered(f"registration by mail: {failed}") from None
    visit.step("add with the session of a registration")
    refused(alice, session, AUTH_FAILED)


@journey("mail", promise=True)
def a_session_is_for_one_user(visit: Visit) -> None:
    """A session of one user cannot add its address to the account of another user."""
    alice, bob = visit.newcomer(), visit.newcomer()
    session = visit.proved(alice, visit.address())
    visit.step("add with the session of another user")
    refused(bob, session, AUTH_FAILED)
    visit.step("add with one's own")
    alice.add(session)
