"""The identifier in the ``auth`` of a password stage: it names the user who has to authenticate, or is refused."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_threepid import AccountThreepid, Medium, check_identifier, run_sync
from matrix_threepid.errors import Forbidden, InvalidParam
from matrix_threepid.testing import ALICE, BOB, World

from .acting import give

MALFORMED: list[Any] = [[], None, 7, "alice", True, {}, {"type": "m.id.none"}, {"type": 5}, {"type": "m.id.user"}]
OWN: list[dict[str, Any]] = [
    {},
    {"user": ALICE},
    {"user": "alice"},
    {"identifier": {"type": "m.id.user", "user": ALICE}},
    {"identifier": {"type": "m.id.user", "user": "alice"}},
    {"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "Alice@example.org"}},
    {"identifier": {"medium": "email", "address": "alice@example.org"}},
    {"identifier": {"type": "m.id.phone", "country": "GB", "phone": "07700 900123"}},
    {"medium": "email", "address": "alice@example.org"},
]
OTHERS: list[dict[str, Any]] = [
    {"user": BOB},
    {"user": "@alice:elsewhere.example"},
    {"identifier": {"type": "m.id.user", "user": "bob"}},
    {"identifier": {"type": "m.id.user", "user": ""}},
    {"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "bob@example.org"}},
    {"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "nobody@example.org"}},
    {"identifier": {"type": "m.id.thirdparty", "medium": "email"}},
    {"identifier": {"type": "m.id.phone", "country": "GB", "phone": "no number"}},
    {"medium": "email", "address": "bob@example.org"},
]


@pytest.fixture
def peopled(world: World) -> World:
    """Alice has an address and a number, Bob an address."""
    give(world, "alice@example.org", ALICE)
    give(world)
    number = AccountThreepid(medium=Medium.MSISDN, address="447700900123", validated_at=1, added_at=1)
    run_sync(world.accounts.add(ALICE, number))
    return world


def check(world: World, auth: dict[str, Any]) -> None:
    run_sync(check_identifier(world.homeserver, {"type": "m.login.password", "password": "x", **auth}, ALICE))


@pytest.mark.parametrize("auth", OWN, ids=str)
def test_one_may_name_oneself_in_any_form(peopled: World, auth: dict[str, Any]) -> None:
    """No identifier, or one that names the user by id, local part, address or number, in any release's form."""
    check(peopled, auth)


@pytest.mark.parametrize("auth", OTHERS, ids=str)
def test_another_user_is_forbidden(peopled: World, auth: dict[str, Any]) -> None:
    """An identifier that names another user, or nobody, is refused alike, so that it tells nothing of addresses."""
    with pytest.raises(Forbidden, match="does not name the user of this request"):
        check(peopled, auth)


@pytest.mark.parametrize("identifier", MALFORMED, ids=str)
def test_what_is_no_identifier_is_invalid(peopled: World, identifier: Any) -> None:
    """Anything but an object of a known type is refused by name, and never taken for an absent one."""
    with pytest.raises(InvalidParam, match=r"auth\.identifier"):
        check(peopled, {"identifier": identifier})
