"""Numbers beyond their canonical form: where they belong, and how they are named later."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matrix_threepid import AccountThreepid, Medium, Policy, run_sync
from matrix_threepid.flows.login import user_of_login
from matrix_threepid.model.msisdn import Plan, bare_number, plan_of
from matrix_threepid.protocol.errors import InvalidParam
from matrix_threepid.testing import ALICE, World

from .acting import ask, outcome, texting

BY_NAME = {
    "+447700900001": "447700900001",
    "+44 7700 900-001": "447700900001",
    "44 7700 900001": "447700900001",
    "18005552067": "18005552067",
    "123456789": "123456789",
    "00447700900001": "00447700900001",
    "07700900001": "07700900001",
    "tel:+44-7700-900001": "447700900001",
    "\u202a+44\u00a07700\u202f900001\u202c": "447700900001",
    "\u0664\u0664\u0667\u0667\u0660\u0660\u0669\u0660\u0660\u0660\u0660\u0661": "447700900001",
}
NO_NUMBERS = ["", "+", "abc", "44770090000x", "tel:", "bob@example.com", "4477\n00"]


@pytest.mark.rule("REQ-MSISDN-7")
@pytest.mark.parametrize(("named", "bare"), BY_NAME.items())
def test_a_number_named_by_its_address_loses_plus_and_separators(named: str, bare: str) -> None:
    """Nothing else is read into it: without a country neither a trunk prefix nor an exit code can be told."""
    assert bare_number(named) == bare


@pytest.mark.parametrize("named", NO_NUMBERS)
def test_what_is_no_number_names_nobody(world: World, named: str) -> None:
    """An address that is no number is refused where it is read, and matches no account."""
    with pytest.raises(InvalidParam):
        bare_number(named)
    login = {"identifier": {"type": "m.id.thirdparty", "medium": "msisdn", "address": named}}
    assert run_sync(user_of_login(world.homeserver, login)) is None


@pytest.mark.rule("REQ-MSISDN-7")
@pytest.mark.parametrize("named", ["+447700900001", "44 7700 900001", "447700900001"])
def test_a_number_is_deleted_by_any_of_its_spellings(world: World, named: str) -> None:
    """What people write is enough to take their number off."""
    held = AccountThreepid(medium=Medium.MSISDN, address="447700900001", validated_at=1, added_at=2)
    run_sync(world.accounts.add(ALICE, held))
    body = {"medium": "msisdn", "address": named}
    assert world.post("/account/3pid/delete", body, ALICE).status == 200
    assert world.threepids() == []


@pytest.mark.parametrize(
    ("digits", "plan"),
    [
        ("447700900001", Plan("GB", None, "447700")),
        ("447781123456", Plan("GG", None, "447781")),
        ("12015550123", Plan("US", None, "12015")),
        ("16135550123", Plan("CA", None, "16135")),
        ("18765551234", Plan("JM", None, "18765")),
        ("19005550123", Plan("US", "premium_rate", "19005")),
        ("449098790000", Plan("GB", "premium_rate", "449098")),
        ("882161234567", Plan("001", None, "8821612")),
        ("77012345678", Plan("KZ", None, "77012")),
        ("24740123", Plan("AC", None, "2474012")),
    ],
)
def test_a_number_tells_where_it_belongs(digits: str, plan: Plan) -> None:
    """Region, costly kind and prefix are read from the number alone; countries that share a code are told apart."""
    assert plan_of(digits) == plan


@pytest.mark.rule("REQ-MSISDN-6")
@pytest.mark.parametrize(("country", "number"), [("GB", "0909 879 0000"), ("US", "900-555-0123")])
def test_a_number_that_costs_is_a_number(make_world: Callable[..., World], country: str, number: str) -> None:
    """Rules about SMS are no rules about numbers: refused as a destination, not as malformed."""
    assert outcome(ask(texting(make_world), number, country)) == (403, "M_THREEPID_DENIED")


@pytest.mark.rule("REQ-MSISDN-4", "SEC-254")
def test_a_long_number_reaches_no_parser(make_world: Callable[..., World]) -> None:
    """The length is checked first."""
    assert outcome(ask(texting(make_world), "9" * 251)) == (400, "M_INVALID_PARAM")
    assert Policy().sms.countries == frozenset()
