"""Looking users up by their addresses: hashes, peppers, and how much is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Medium, Threepid, run_sync
from matrix_threepid.flows.lookup import PART, rotate
from matrix_threepid.model.association import Association
from matrix_threepid.model.lookup import hashed
from matrix_threepid.policy import LookupRules
from matrix_threepid.stores import MemoryAssociations
from matrix_threepid.testing import ALICE

from .acting import DAY, Place, Strict, email, refusal
from .apis import V2

BOB = "@bob:hs.example.org"


def details(place: Place) -> str:
    """Return the pepper of today."""
    return str(place.call("GET", "/hash_details").json()["lookup_pepper"])


def asked(place: Place, pepper: str, *addresses: str, algorithm: str = "sha256", **more: Any) -> Any:
    body = {"addresses": addresses, "algorithm": algorithm, "pepper": pepper}
    return place.post("/lookup", body, **more)


def mail(place: Place, pepper: str, address: str = "alice@example.org") -> Any:
    """Look up one mail address by its hash; return who has it."""
    named = hashed(email(address), pepper)
    answer = asked(place, pepper, named)
    return answer.json()["mappings"].get(named) if answer.status == 200 else refusal(answer)


@pytest.mark.rule("REQ-ISLOOK-1")
@pytest.mark.parametrize(
    ("threepid", "expected"),
    [
        (Threepid(Medium.EMAIL, "alice@example.com"), "4kenr7N9drpCJ4AfalmlGQVsOn3o2RHjkADUpXJWZUc"),
        (Threepid(Medium.EMAIL, "bob@example.com"), "LJwSazmv46n0hlMlsb_iYxI0_HXEqy_yj6Jm636cdT8"),
        (Threepid(Medium.MSISDN, "18005552067"), "nlo35_T5fzSGZzJApqu8lgIudJvmOQtDaHtr-I4rU7I"),
    ],
    ids=str,
)
def test_hashes_are_those_of_the_specification(threepid: Threepid, expected: str) -> None:
    """The examples of the specification come out."""
    assert hashed(threepid, "matrixrocks") == expected


@pytest.mark.rule("REQ-ISLOOK-1")
def test_what_is_published_is_found(v2: Place) -> None:
    """A hash of a published address leads to its user, other texts to nobody; what was unbound is not found."""
    credentials = v2.publish()
    answer = v2.call("GET", "/hash_details")
    pepper = answer.json()["lookup_pepper"]
    assert answer.json() == {"lookup_pepper": pepper, "algorithms": ["sha256"]}
    named, other = hashed(email("alice@example.org"), pepper), hashed(email("bob@example.org"), pepper)
    found = asked(v2, pepper, named, other, named, "", "a" * 43, "alice@example.org email")
    assert (found.status, found.json()) == (200, {"mappings": {named: ALICE}})
    assert asked(v2, pepper).json() == {"mappings": {}}
    v2.unbind({"mxid": ALICE, "threepid": {"medium": "email", "address": "alice@example.org"}, **credentials})
    assert asked(v2, pepper, named).json() == {"mappings": {}}


@pytest.mark.rule("REQ-ISLOOK-1")
def test_plain_addresses_only_where_the_host_wants_them(make_place: Callable[..., Place]) -> None:
    """``none`` is refused by default; where it is on, addresses are found in whatever spelling, with any pepper."""
    place = make_place(V2)
    place.publish()
    assert refusal(asked(place, details(place), "alice@example.org email", algorithm="none")) == (
        400,
        "M_INVALID_PARAM",
    )
    place = make_place(V2, {"lookup": LookupRules(algorithms=["sha256", "none"])}, associations=MemoryAssociations())
    place.publish()
    place.publish(medium="msisdn")
    written = ["Alice@Example.ORG email", "447700900123 msisdn", "bob@example.org email", "nonsense", " email", "a b c"]
    answer = asked(place, "whatever", *written, algorithm="none")
    assert answer.json() == {"mappings": dict.fromkeys(written[:2], ALICE)}


@pytest.mark.rule("REQ-ISLOOK-1")
@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"algorithm": "md5"}, "M_INVALID_PARAM"),
        ({"addresses": ["a"] * 1001}, "M_INVALID_PARAM"),
        ({"addresses": [5]}, "M_INVALID_PARAM"),
        ({"addresses": "a"}, "M_INVALID_PARAM"),
        ({"pepper": None}, "M_INVALID_PARAM"),
        ({"pepper": "another"}, "M_INVALID_PEPPER"),
    ],
    ids=str,
)
def test_a_bad_look_up_is_named(v2: Place, body: dict[str, Any], errcode: str) -> None:
    """What cannot be looked up is refused; a wrong pepper is answered with the right one."""
    pepper = details(v2)
    answer = v2.post("/lookup", {"addresses": ["a" * 43], "algorithm": "sha256", "pepper": pepper, **body})
    assert refusal(answer) == (400, errcode)
    if errcode == "M_INVALID_PEPPER":
        assert (answer.json()["algorithm"], answer.json()["lookup_pepper"]) == ("sha256", pepper)


def test_a_thousand_hashes_fit_into_a_request(v2: Place) -> None:
    """The largest look-up that is allowed is not too large a body."""
    assert asked(v2, details(v2), *(str(number).zfill(43) for number in range(1000))).json() == {"mappings": {}}


@pytest.mark.rule("REQ-ISTERMS-1")
@pytest.mark.parametrize(("method", "path"), [("GET", "/hash_details"), ("POST", "/lookup")])
def test_looking_up_needs_a_token_and_the_terms(make_place: Callable[..., Place], method: str, path: str) -> None:
    """Nobody is looked up by strangers, nor by users who have not accepted the terms."""
    assert refusal(make_place(V2).call(method, path, b"{", user=None)) == (401, "M_UNAUTHORIZED")
    assert refusal(make_place(V2, callers=Strict()).call(method, path, b"{")) == (403, "M_TERMS_NOT_SIGNED")


@pytest.mark.rule("REQ-ISLOOK-3")
@pytest.mark.parametrize(
    ("rules", "others"),
    [
        ({"per_account": 5}, [{"user": BOB}]),
        ({"per_homeserver": 5}, [{"user": "@alice:elsewhere.example.org"}]),
        ({"per_network": 5}, [{"client": "198.51.100.1"}]),
    ],
    ids=str,
)
def test_addresses_are_counted_by_the_day(
    make_place: Callable[..., Place], rules: dict[str, int], others: list[dict[str, Any]]
) -> None:
    """An account, all accounts of a homeserver, and a network may look up so many addresses a day (UTC)."""
    place = make_place(V2, {"lookup": LookupRules(**rules)})
    pepper = details(place)
    hashes = [str(number).zfill(43) for number in range(6)]
    assert asked(place, pepper, *hashes[:3]).status == 200
    assert refusal(asked(place, "wrong", *hashes[:3])) == (400, "M_INVALID_PEPPER")
    answer = asked(place, pepper, *hashes[:3])
    assert refusal(answer) == (429, "M_LIMIT_EXCEEDED")
    assert 0 < answer.json()["retry_after_ms"] <= DAY
    # What is refused is not counted.
    assert asked(place, pepper, *hashes[:2]).status == 200
    assert asked(place, pepper, hashes[0]).status == 429
    assert [asked(place, pepper, hashes[0], **other).status for other in others] == [200]
    place.clock.advance(DAY)
    assert asked(place, details(place), hashes[0]).status == 200


@pytest.mark.rule("REQ-ISLOOK-2")
def test_a_rotation_refuses_no_look_up(make_place: Callable[..., Place]) -> None:
    """Before, while and after associations get new hashes, the pepper that clients were told last finds all."""
    place, ids = make_place(V2), 250
    first = details(place)
    people = {f"user{number}@example.org": f"@user{number}:hs" for number in range(ids)}
    for address, mxid in people.items():
        run_sync(place.homeserver.associations.put(Association(email(address), mxid, 0)))
    place.clock.advance(30 * DAY)
    steps = 0
    while run_sync(rotate(place.homeserver)):
        steps += 1
        assert details(place) == first
        place.publish_as("new@example.org", BOB)
        for address in ("user0@example.org", f"user{ids - 1}@example.org"):
            assert mail(place, first, address) == people[address]
        assert mail(place, first, "new@example.org") == BOB
    second = details(place)
    assert (steps, second == first) == (ids // PART, False)
    for pepper in (first, second):
        assert [mail(place, pepper, address) for address in people] == list(people.values())
        assert mail(place, pepper, "new@example.org") == BOB


@pytest.mark.rule("REQ-ISLOOK-2")
def test_a_pepper_ends(v2: Place) -> None:
    """A pepper is served until the one after the next is made, and then answered with the newest."""
    v2.publish()
    peppers = [details(v2)]
    for _ in range(2):
        v2.clock.advance(30 * DAY)
        while run_sync(rotate(v2.homeserver)):
            pass
        peppers.append(details(v2))
    assert [mail(v2, pepper) for pepper in peppers] == [(400, "M_INVALID_PEPPER"), ALICE, ALICE]
    v2.clock.advance(29 * DAY)
    assert run_sync(rotate(v2.homeserver)) is False
    assert details(v2) == peppers[-1]


@pytest.mark.rule("REQ-ISLOOK-2")
def test_the_job_rotates(v2: Place) -> None:
    """The jobs of the service keep the pepper new, and hash what a server from before look-ups has published."""
    (job,) = [each for each in v2.service.jobs() if each.name == "rotate_lookup_pepper"]
    v2.publish()
    run_sync(job.run_once())
    first = details(v2)
    assert mail(v2, first) == ALICE
    v2.clock.advance(30 * DAY)
    run_sync(job.run_once())
    run_sync(job.run_once())
    assert details(v2) != first


@pytest.mark.answers_5xx(503)
def test_a_server_from_before_look_ups_hashes_first(v2: Place) -> None:
    """While many associations are hashed for the first time, clients hear that they may try again."""
    for number in range(150):
        v2.publish_as(f"user{number}@example.org", ALICE)
    assert v2.call("GET", "/hash_details").status == 503
    while run_sync(rotate(v2.homeserver)):
        pass
    assert mail(v2, details(v2), "user149@example.org") == ALICE
