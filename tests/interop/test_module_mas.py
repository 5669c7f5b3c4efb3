"""A real Synapse whose accounts an authentication service has, with the part of our module that works there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from attrs import frozen

from matrix_threepid.testing.journeys import Parts, Visit
from matrix_threepid.testing.parts import Person

from .mas import Service, everything_but_addresses
from .moduled import config, site_in, visited
from .programs import SYNAPSE, version_of
from .site import Site


@frozen
class Place:
    """A Synapse, the service that has its accounts, and a way to look at it."""

    mas: Service
    visit: Visit
    site: Site

    def person(self, *addresses: str) -> Person:
        """Return a new user whom the service has provisioned with these addresses."""
        name = self.visit.name()
        assert self.mas.call("provision_user", localpart=name, set_emails=list(addresses)).status == 201
        assert self.mas.call("upsert_device", localpart=name, device_id="DEVICEOFMAS").status in (200, 201)
        person = self.visit.stranger()
        person.use({"user_id": f"@{name}:{self.site.name}", "access_token": name})
        return person

    def publish(self, person: Person, address: str) -> None:
        """Publish an address of a user at the identity server."""
        proved = self.visit.identity.prove(address, person.user_id)
        person.bind(self.visit.identity.name, person.user_id, proved)
        assert self.visit.identity.owner(address) == person.user_id


@pytest.fixture(scope="module")
def place(parts: Parts, files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A Synapse with ``identity_servers`` alone, as the docs say."""
    if tuple(map(int, version_of(SYNAPSE).split(".")[:2])) < (1, 136):
        pytest.skip("this Synapse has no section matrix_authentication_service")
    site = site_in(tmp_path_factory.mktemp("synapse"), parts, files)
    guard = {**config(site, None), "sms": None}
    with (
        Service().serving() as mas,
        visited(parts, site, guard, **mas.settings) as visit,
    ):
        mas.synapse = visit.around.base_url
        yield Place(mas, visit, site)


def test_the_traffic_of_an_authentication_service(place: Place) -> None:
    """Whatever the service takes off an account is taken back from identity servers, with the user and without."""
    mas, visit = place.mas, place.visit
    first, second = visit.address(), visit.address()
    alice = place.person(first, second)
    name = alice.user_id[1:].partition(":")[0]
    assert sorted(alice.addresses()) == sorted([first, second])

    place.publish(alice, first)
    assert alice.unbind(first) == "success"
    assert visit.identity.owner(first) is None

    place.publish(alice, first)
    assert mas.call("provision_user", localpart=name, set_emails=[second]).status == 200
    assert (visit.identity.owner(first), alice.addresses()) == (None, [second])

    statuses = everything_but_addresses(mas, name)
    assert {each: status for each, status in statuses.items() if status not in (200, 201, 204)} == {}
    assert mas.ask("is_localpart_available", name).status == 400
    assert alice.addresses() == [second]

    place.publish(alice, second)
    assert mas.call("delete_user", localpart=name, erase=True).status == 200
    assert visit.identity.owner(second) is None
    # Synapse itself cannot make the profile again before its background updates have run, so both are right.
    assert mas.call("reactivate_user", localpart=name).status in (200, 500)
    assert visit.identity.owner(second) is None


def test_a_deletion_waits_for_no_identity_server(place: Place) -> None:
    """While the identity server is down, the service deletes its user all the same."""
    address = place.visit.address()
    alice = place.person(address)
    place.publish(alice, address)
    with place.visit.identity.down():
        name = alice.user_id[1:].partition(":")[0]
        assert place.mas.call("delete_user", localpart=name, erase=False).status == 200
    due = "SELECT count(*) FROM matrix_threepid_bindings WHERE user_id = ?"
    assert place.site.sql(due, alice.user_id) in ([(1,)], [(0,)])


@pytest.mark.parametrize("path", ["email/requestToken", "msisdn/requestToken", "add", "delete"])
def test_what_the_service_does_itself_is_not_there(place: Place, path: str) -> None:
    """Addresses are proved, added and removed at the service; Synapse says that it has no such endpoint."""
    answer = place.person().send("POST", f"/account/3pid/{path}", {})
    assert (answer.status, answer.errcode) == (404, "M_UNRECOGNIZED")
