"""Journeys about identity servers: binding, and unbinding whatever happens to the server."""

from __future__ import annotations

from ..parts import Person
from ..parts.client import expect_refusal
from .journey import journey
from .visit import Visit, expect_same

_BIND = "/account/3pid/bind"


@journey("identity")
def bind_and_unbind(visit: Visit) -> None:
    """An address proved at an identity server is bound there and unbound; the account does not change."""
    alice, address = visit.newcomer(), visit.address()
    _publish(visit, alice, address)
    expect_same(alice.addresses(), [], "the addresses")
    visit.step("unbind it, without naming the identity server")
    expect_same(alice.unbind(address), "success", "id_server_unbind_result")
    _published(visit, address, None)


@journey("identity")
def a_refused_bind_publishes_nothing(visit: Visit) -> None:
    """A refusal of the identity server is passed on to the client (MSC2290)."""
    alice, address = visit.newcomer(), visit.address()
    credentials = visit.identity.prove(address, alice.user_id)
    visit.step("bind with a sid the identity server does not know")
    body = {"id_server": visit.identity.name, "id_access_token": alice.user_id, **credentials, "sid": "unknown"}
    expect_refusal(alice.send("POST", _BIND, body), f"POST {_BIND}")
    _published(visit, address, None)


@journey("mail", "identity")
def adding_publishes_nothing(visit: Visit) -> None:
    """``bind``, ``id_server`` and ``id_access_token`` of old clients have no effect on what is added (MSC2290)."""
    alice, address = visit.newcomer(), visit.address()
    session = visit.proved(alice, address)
    visit.identity.prove(address, alice.user_id)
    named = {"id_server": visit.identity.name, "id_access_token": alice.user_id}
    visit.step("add it")
    body = {**session.credentials, **named, "bind": True}
    alice.authenticated("/account/3pid/add", body, alice.by_password())
    _published(visit, address, None)


@journey("mail", "identity")
def delete_takes_back(visit: Visit) -> None:
    """Deleting an address from the account unbinds it."""
    address = visit.address()
    alice = visit.resident(address)
    _publish(visit, alice, address)
    visit.step("delete it")
    expect_same(alice.remove(address), "success", "id_server_unbind_result")
    expect_same(alice.addresses(), [], "the addresses")
    _published(visit, address, None)


@journey("identity")
def deactivation_takes_back(visit: Visit) -> None:
    """Deactivating an account unbinds its addresses."""
    alice, address = visit.newcomer(), visit.address()
    _publish(visit, alice, address)
    visit.step("deactivate")
    expect_same(alice.deactivate(), "success", "id_server_unbind_result")
    _published(visit, address, None)


@journey("mail", "identity", promise=True)
def delete_during_an_outage(visit: Visit) -> None:
    """An address can be deleted from the account while its identity server is down."""
    address = visit.address()
    alice = visit.resident(address)
    _publish(visit, alice, address)
    with visit.identity.down():
        visit.step("delete it while the identity server is down")
        expect_same(alice.remove(address), "no-support", "id_server_unbind_result")
        expect_same(alice.addresses(), [], "the addresses")


@journey("mail", "identity", promise=True)
def deactivation_during_an_outage(visit: Visit) -> None:
    """An account can be deactivated, and its address used again, while the identity server is down."""
    address = visit.address()
    alice, bob = visit.resident(address), visit.newcomer()
    _publish(visit, alice, address)
    with visit.identity.down():
        visit.step("deactivate while the identity server is down")
        expect_same(alice.deactivate(), "no-support", "id_server_unbind_result")
        alice.call("GET", "/account/whoami", expected=401)
        visit.step("prove and add the address as somebody else")
        bob.add(visit.proved(bob, address))


def _publish(visit: Visit, person: Person, address: str) -> None:
    visit.step("bind it")
    credentials = visit.identity.prove(address, person.user_id)
    person.bind(visit.identity.name, person.user_id, credentials)
    _published(visit, address, person.user_id)


def _published(visit: Visit, address: str, user_id: str | None) -> None:
    expect_same(visit.identity.owner(address), user_id, "whose address the identity server says it is")
