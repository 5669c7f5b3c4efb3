"""Logging in by an address, in every spelling clients have used."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_threepid import AccountThreepid, Medium, run_sync
from matrix_threepid.flows.login import login_key, names_threepid, user_of_login
from matrix_threepid.testing import ALICE, BOB, World

from .acting import give

PHONE = {"type": "m.id.phone", "country": "GB"}


@pytest.fixture
def homeserver(world: World) -> Any:
    """A homeserver on which Alice has a mail address and Bob a phone number."""
    give(world, "alice@example.org", ALICE)
    phone = AccountThreepid(medium=Medium.MSISDN, address="447700900001", validated_at=1, added_at=2)
    run_sync(world.accounts.add(BOB, phone))
    return world.homeserver


@pytest.mark.rule("REQ-LOGIN-2", "REQ-LOGIN-3")
@pytest.mark.parametrize(
    ("body", "user"),
    [
        ({"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "alice@example.org"}}, ALICE),
        ({"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "ALICE@Example.ORG"}}, ALICE),
        ({"identifier": {"medium": "email", "address": "alice@example.org"}}, ALICE),
        ({"medium": "email", "address": "alice@example.org"}, ALICE),
        ({"identifier": {"type": "m.id.thirdparty", "medium": "msisdn", "address": "447700900001"}}, BOB),
        ({"identifier": {"type": "m.id.thirdparty", "medium": "msisdn", "address": "+44 7700 900001"}}, BOB),
        ({"identifier": {**PHONE, "phone": "07700 900001"}}, BOB),
        ({"identifier": {**PHONE, "number": "07700 900001"}}, BOB),
        ({"identifier": {**PHONE, "country": "US", "phone": "+447700900001"}}, BOB),
    ],
)
def test_a_user_is_found_by_address(homeserver: Any, body: dict[str, Any], user: str) -> None:
    """The canonical form decides, whatever spelling of address and body a client uses."""
    assert names_threepid(body)
    assert run_sync(user_of_login(homeserver, body)) == user


@pytest.mark.rule("REQ-LOGIN-1")
@pytest.mark.parametrize(
    "identifier",
    [
        {"type": "m.id.thirdparty", "medium": "email", "address": "nobody@example.org"},
        {"type": "m.id.thirdparty", "medium": "email", "address": "no address"},
        {"type": "m.id.thirdparty", "medium": "email", "address": "a@example.org\x00"},
        {"type": "m.id.thirdparty", "medium": "email", "address": "a" * 100_000},
        {"type": "m.id.thirdparty", "medium": "email", "address": ["alice@example.org"]},
        {"type": "m.id.thirdparty", "medium": ["email"], "address": "alice@example.org"},
        {"type": "m.id.thirdparty", "medium": "pigeon", "address": "alice@example.org"},
        {"type": "m.id.thirdparty"},
        {**PHONE, "phone": "not a number"},
        {**PHONE, "phone": 7700900001},
        {"type": "m.id.phone", "phone": "07700900001"},
    ],
)
def test_an_unknown_identifier_names_nobody(homeserver: Any, identifier: dict[str, Any]) -> None:
    """For an unknown or impossible identifier there is no user, and no error that would end the log-in early."""
    assert run_sync(user_of_login(homeserver, {"identifier": identifier})) is None


def test_tries_by_address_are_counted_alike(homeserver: Any) -> None:
    """Known or not, an address has one key in every spelling, and the key tells nothing of it."""
    known, unknown = ({"medium": "email", "address": f"{name}@example.org"} for name in ("alice", "nobody"))
    keys = {login_key(homeserver, body) for body in (known, {"identifier": {**known, "address": "Alice@Example.org"}})}
    assert len(keys) == 1
    assert login_key(homeserver, unknown) not in keys
    assert "alice" not in keys.pop()


@pytest.mark.rule("REQ-LOGIN-3")
@pytest.mark.parametrize(
    "body",
    [
        {"identifier": {"type": "m.id.user", "user": "alice"}},
        {"identifier": {"type": "m.id.user", "medium": "email"}},
        {"identifier": "alice"},
        {"identifier": None},
        {"user": "alice"},
        {},
    ],
)
def test_other_logins_are_the_hosts(body: dict[str, Any]) -> None:
    """A body that names its user otherwise is left to the host."""
    assert not names_threepid(body)
