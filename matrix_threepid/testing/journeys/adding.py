"""Journeys about a mail address that is proved, added to an account, and removed."""

from __future__ import annotations

from typing import Any

from ..parts import Person, PersonSession, fetch
from ..parts.client import expect_refusal, expect_status
from .journey import NotOffered, journey
from .visit import AUTH_FAILED, IN_USE, Visit, expect, expect_same, refused

_REDIRECTS = (301, 302, 303, 307, 308)
_LEGACY = "/account/3pid"


@journey("mail")
def add_an_address(visit: Visit) -> None:
    """An address is proved by a mail, added with the password, and listed with its times."""
    alice, address = visit.newcomer(), visit.address()
    visit.step("ask for a mail")
    session = alice.ask("add", address)
    visit.step("confirm what the mail holds")
    visit.confirm(session, address)
    visit.step("add the address, with the password")
    alice.add(session)
    visit.step("list the addresses")
    (listed,) = alice.call("GET", "/account/3pid")["threepids"]
    expect_same((listed["medium"], listed["address"]), ("email", address), "listed")
    times = (listed["validated_at"], listed["added_at"])
    expect(all(type(time) is int and time > 1_500_000_000_000 for time in times), "validated_at or added_at is no ms")


@journey("mail")
def one_attempt_sends_one_mail(visit: Visit) -> None:
    """The same ``send_attempt`` again sends nothing and answers the same ``sid``; a larger one sends again."""
    alice, address = visit.newcomer(), visit.address()
    sessions: list[PersonSession] = []
    for attempt in (1, 1, 2, 1, 3):
        visit.step(f"ask with send_attempt {attempt}")
        known: dict[str, Any] = {"client_secret": sessions[0].client_secret} if sessions else {}
        sessions.append(alice.request_token("/account/3pid/email", email=address, send_attempt=attempt, **known))
    visit.step("read the mails")
    newest = [visit.mail.next(address) for _ in range(3)][-1]
    expect_same(visit.mail.count(address), 3, "mails for five requests of three attempts")
    expect_same(len({session.sid for session in sessions}), 1, "sessions")
    visit.step("confirm with the newest mail")
    visit.heed(sessions[0], newest)
    alice.add(sessions[0])


@journey("mail")
def next_link_is_gone_to(visit: Visit) -> None:
    """After the confirmation the browser is led to the ``next_link`` of the request."""
    alice, address = visit.newcomer(), visit.address()
    next_link = f"{visit.around.base_url.rstrip('/')}/_matrix/client/versions?from=a-journey"
    visit.step("ask for a mail with a next_link")
    session = alice.ask("add", address, next_link)
    if session.submit_url is not None:
        raise NotOffered("mails hold codes here, not links")
    visit.step("confirm")
    after = visit.follow(visit.letter(address).link)
    expect(after.status in _REDIRECTS, f"the answer was {after.told}, no redirect")
    expect((after.location or "").startswith(next_link), "the redirect leads elsewhere")
    visit.step("add the address")
    alice.add(session)


@journey("mail")
def spellings_are_one_address(visit: Visit) -> None:
    """An address in capitals is the same as in small letters: for listing, deleting and other users (MSC2265)."""
    alice, bob, address = visit.newcomer(), visit.newcomer(), visit.address()
    visit.step("add it in capitals")
    alice.add(visit.proved(alice, address.upper()))
    visit.step("list it")
    expect_same(alice.addresses(), [address], "the addresses")
    visit.step("ask for it in small letters, as somebody else")
    _taken(bob, address)
    visit.step("delete it in capitals")
    alice.remove(address.upper())
    expect_same(alice.addresses(), [], "the addresses")


@journey("mail")
def an_address_has_one_owner(visit: Visit) -> None:
    """Of two users who proved one address, one gets it; the other is refused and changes nothing (MSC2290)."""
    alice, bob, address = visit.newcomer(), visit.newcomer(), visit.address()
    visit.step("prove it twice")
    hers, his = visit.proved(alice, address), visit.proved(bob, address)
    visit.step("add it once")
    alice.add(hers)
    visit.step("add it as somebody else")
    refused(bob, his, IN_USE)
    expect_same((alice.addresses(), bob.addresses()), ([address], []), "the addresses of both")
    visit.step("ask for it as somebody else")
    _taken(bob, address)


def _taken(person: Person, address: str) -> None:
    """Request a mail for an address of another account: refused, or answered like any other."""
    body = {"email": address, "client_secret": "a.secret", "send_attempt": 1}
    answer = person.send("POST", "/account/3pid/email/requestToken", body)
    if answer.status != 200:
        expect_refusal(answer, "POST /account/3pid/email/requestToken", IN_USE)


@journey("mail")
def delete_an_address(visit: Visit) -> None:
    """Only its owner removes an address from the account; it was bound nowhere, so the result is ``no-support``."""
    address = visit.address()
    alice, bob = visit.resident(address), visit.newcomer()
    visit.step("delete it as somebody else")
    bob.send("POST", "/account/3pid/delete", {"medium": "email", "address": address})
    expect_same(alice.addresses(), [address], "the addresses")
    visit.step("delete it")
    expect_same(alice.remove(address), "no-support", "id_server_unbind_result")
    expect_same(alice.addresses(), [], "the addresses")
    visit.step("prove and add it as somebody else")
    bob.add(visit.proved(bob, address))


@journey("mail")
def old_clients_add(visit: Visit) -> None:
    """The deprecated ``POST /account/3pid`` adds an address that was proved, and no other."""
    alice, address = visit.newcomer(), visit.address()
    session = alice.ask("add", address)
    body = {"three_pid_creds": session.credentials}
    visit.step("add before confirming")
    answer = alice.send("POST", _LEGACY, body)
    if answer.errcode == "M_UNRECOGNIZED":
        raise NotOffered("the deprecated endpoint is gone")
    if answer.errcode is None:
        answer = alice.interactive(_LEGACY, body, alice.by_password())
    expect_refusal(answer, f"POST {_LEGACY}", AUTH_FAILED)
    visit.step("confirm and add")
    visit.confirm(session, address)
    answer = alice.send("POST", _LEGACY, body)
    if answer.status == 401:
        answer = alice.interactive(_LEGACY, body, alice.by_password())
    expect_status(answer, f"POST {_LEGACY}")
    expect_same(alice.addresses(), [address], "the addresses")


@journey("mail", promise=True)
def opening_a_link_proves_nothing(visit: Visit) -> None:
    """GET and HEAD of a link change nothing, since mail scanners open links; only the button of the page confirms."""
    alice, address = visit.newcomer(), visit.address()
    session = alice.ask("add", address)
    if session.submit_url is not None:
        raise NotOffered("mails hold codes here, not links")
    link = visit.letter(address).link
    for method in ("HEAD", "GET", "GET"):
        visit.step(f"{method} of the link")
        expect_status(fetch(method, link, follow=False), f"{method} of the link")
    visit.step("add all the same")
    refused(alice, session, AUTH_FAILED)
    visit.step("press the button, and add")
    visit.follow(link)
    alice.add(session)
