"""Addresses and numbers: which are taken, what they become, and where messages go."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any

import pytest
from data import cases, load, spelled
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_threepid import Medium
from matrix_threepid.model.email import canonical_email
from matrix_threepid.model.msisdn import canonical_msisdn
from matrix_threepid.protocol.errors import InvalidParam
from matrix_threepid.testing import ALICE, Outbox, World

EMAILS, NUMBERS = load("emails"), load("numbers")


def canonical(name: str) -> str:
    return canonical_email(spelled(EMAILS["accepted"][name][0])).threepid.address


def number(name: str) -> str:
    return canonical_msisdn(*NUMBERS["accepted"][name][:2]).threepid.address


def ask(world: World, typed: str) -> Any:
    body = {"email": typed, "client_secret": "s", "send_attempt": 1}
    return world.post("/account/3pid/email/requestToken", body, ALICE)


@pytest.mark.rule("REQ-EMAIL-1", "SEC-212")
@pytest.mark.parametrize("case", **cases(EMAILS["accepted"]))
def test_an_address_has_one_canonical_form(case: list[Any]) -> None:
    """The local part is case-folded, the domain lower-cased and in Unicode; mail goes to its ASCII form."""
    typed, expected, domain = map(spelled, case)
    candidate = canonical_email(typed)
    assert candidate.threepid.address == expected
    assert candidate.spelling.rpartition("@")[2] == domain
    assert canonical_email(expected).threepid.address == expected


@pytest.mark.rule("REQ-EMAIL-1")
@pytest.mark.parametrize("case", **cases(EMAILS["accepted"]))
def test_an_address_goes_from_the_request_to_the_account(world: World, case: list[Any]) -> None:
    """What is typed gets one mail, and the account lists the canonical form."""
    typed, expected, domain = map(spelled, case)
    sid = ask(world, typed).json()["sid"]
    assert world.outbox.last.recipient.rpartition("@")[2] == domain
    world.confirm()
    assert world.add(sid, "s").status == 200
    assert world.threepids() == [expected]


@pytest.mark.rule("REQ-EMAIL-3")
@pytest.mark.parametrize("case", **cases(EMAILS["refused"]))
def test_what_two_systems_could_read_in_two_ways_is_refused(world: World, case: Any) -> None:
    """An address that is not plainly ``user@domain`` answers 400 and reaches no mail system and no store."""
    typed = spelled(case)
    with pytest.raises(InvalidParam):
        canonical_email(typed)
    response = ask(world, typed)
    assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM")
    assert world.outbox.messages == [] == world.homeserver.sessions.dump()  # type: ignore[attr-defined]


@pytest.mark.rule("SEC-254")
def test_a_long_text_reaches_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """The length is checked before anything that takes time with it: parsing grows faster than the text."""
    monkeypatch.setattr("email_validator.validate_email", None)
    with pytest.raises(InvalidParam):
        canonical_email("a" * 1_000_000 + "@example.org")


@pytest.mark.rule("REQ-EMAIL-4", "REQ-EMAIL-7")
@pytest.mark.parametrize("names", EMAILS["same"], ids=", ".join)
def test_spellings_of_one_address_are_one(names: list[str]) -> None:
    """Spellings that a person would call the same address are one identifier."""
    assert all(canonical(left) == canonical(right) for left, right in pairwise(names))


@pytest.mark.rule("REQ-EMAIL-5", "SEC-14")
@pytest.mark.parametrize("names", EMAILS["different"], ids=", ".join)
def test_other_addresses_stay_others(names: list[str]) -> None:
    """Addresses of different mailboxes are different identifiers, however alike they look."""
    assert all(canonical(left) != canonical(right) for left, right in combinations(names, 2))


@settings(database=None, deadline=None, max_examples=400)
@given(st.text(st.characters(min_codepoint=33, exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_the_canonical_form_is_its_own_canonical_form(local: str) -> None:
    """Whatever is accepted is found again by its canonical form."""
    try:
        address = canonical_email(f"{local}@example.org").threepid.address
    except InvalidParam:
        return
    assert canonical_email(address).threepid.address == address
    assert address.count("@") == 1


def test_intranet_domains_are_taken_where_the_policy_names_them(make_world: Callable[..., World]) -> None:
    """A domain the public mail system does not know is taken only if the policy lists it."""
    world = make_world({"intranet_domains": {"corp", "mail.test"}})
    assert [ask(world, f"bob@{domain}").status for domain in ("corp", "MAIL.test", "localhost")] == [200, 200, 400]


@pytest.mark.rule("REQ-MSISDN-1", "REQ-MSISDN-3", "REQ-MSISDN-5", "REQ-MSISDN-8", "SEC-212")
@pytest.mark.parametrize("case", **cases(NUMBERS["accepted"]))
def test_a_number_has_one_canonical_form(case: list[str]) -> None:
    """A possible number, as dialled in its country or written internationally, becomes its E.164 digits."""
    country, dialled, expected = case
    assert canonical_msisdn(country, dialled).threepid.address == expected


@pytest.mark.rule("REQ-MSISDN-3", "REQ-MSISDN-4", "REQ-MSISDN-5", "REQ-MSISDN-6", "REQ-MSISDN-8")
@pytest.mark.parametrize("case", **cases(NUMBERS["refused"]))
def test_what_is_no_possible_number_is_refused(make_world: Callable[..., World], case: list[str]) -> None:
    """A number that cannot be dialled, or says more than a number, answers 400 and gets no SMS."""
    with pytest.raises(InvalidParam):
        canonical_msisdn(*case)
    box = Outbox()
    world = make_world(senders={Medium.MSISDN: box})
    body = {"country": case[0], "phone_number": case[1], "client_secret": "s", "send_attempt": 1}
    response = world.post("/account/3pid/msisdn/requestToken", body)
    assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM")
    assert box.messages == []


@pytest.mark.rule("REQ-MSISDN-2")
@pytest.mark.parametrize("names", NUMBERS["same"], ids=", ".join)
def test_spellings_of_one_number_are_one(names: list[str]) -> None:
    """However a number is dialled, it is one identifier."""
    assert len({number(name) for name in names}) == 1
