"""Members and messages: the quick check judges as the schema does, and an error names member and rule."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve, fields, frozen
from attrs.exceptions import FrozenInstanceError
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from matrix_threepid.endpoints import DELEGATE, HOMESERVER, IDENTITY_SERVER
from matrix_threepid.protocol.errors import InvalidParam, MatrixError, MissingParam
from matrix_threepid.protocol.members import (
    Nested,
    flag,
    free_object,
    ignored,
    integer,
    member,
    members,
    one_of,
    opaque,
    schema,
    text,
    token,
    typed,
)
from matrix_threepid.protocol.message import read, write
from matrix_threepid.protocol.rules import MAX_INTEGER, Rule


@frozen(kw_only=True)
class Inner:
    """A message in a message."""

    sid: str = opaque()
    older: str | None = text(3, optional=True, alias="old")


@frozen(kw_only=True)
class Everything:
    """A message with a member of every kind."""

    sid: str = opaque(secret=True)
    name: str = text(8)
    address: str = typed(8)
    token: str = token()
    medium: str = one_of("e.mail", "msisdn")
    count: int = integer()
    inner: Inner = member(Nested(Inner), alias="Inner")
    bind: Any = flag(optional=True)
    auth: Any = free_object(optional=True)
    hint: object = ignored()


GOOD: dict[str, Any] = {
    "sid": "s",
    "name": "n",
    "address": "a b",
    "token": "\n",
    "medium": "e.mail",
    "count": 1,
    "inner": {"sid": "i"},
}
SETTINGS = settings(database=None, deadline=None, max_examples=300)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TEXTS = ["s", "s\n", "\ns", "", "e.mail", "e-mail", "emsisdn", "email", "email\n", "@a:b", "@a:b\n", "a\0", "é", "1"]
LENGTHS = ["x" * length for limit in (2, 64, 255, 512, 2048, 4096) for length in (limit, limit + 1)]
OTHERS = [{"sid": "s"}, {"sid": 1}, {}, [], None, 0, 1.0, 1.5, True, MAX_INTEGER, 2**53, float(2**53), 1e308, -(2**53)]
EDGES: list[Any] = [*TEXTS, *LENGTHS, *OTHERS]
NEAR = st.sampled_from(EDGES)
DECLARED = [*HOMESERVER.endpoints, *DELEGATE.endpoints, *IDENTITY_SERVER.endpoints]
MESSAGES = [Everything, *(declared.request for declared in DECLARED if declared.request is not None)]
RULES = {each.rule: Draft202012Validator(each.rule.schema()) for cls in MESSAGES for each in members(cls).values()}
"""Every kind of member that some message declares, and what judges by its schema."""


@SETTINGS
@given(st.sampled_from([*RULES]), ANY_JSON | NEAR)
def test_a_rule_accepts_what_its_schema_accepts(rule: Rule, value: object) -> None:
    """For any JSON value and any rule: the rule accepts it if, and only if, it is valid by the JSON schema."""
    assert rule.accepts(value) is RULES[rule].is_valid(value)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_rule_and_its_schema_agree_on_the_edges(rule: Rule) -> None:
    """Values at the edge of some rule are accepted by any rule if, and only if, its JSON schema takes them."""
    assert [value for value in EDGES if rule.accepts(value) is not RULES[rule].is_valid(value)] == []


@SETTINGS
@given(st.dictionaries(st.sampled_from([*GOOD, "Inner", "bind", "auth", "hint", "other"]), ANY_JSON | NEAR))
def test_reading_follows_the_schema(changes: dict[str, Any]) -> None:
    """A body is read if, and only if, its declared members are valid by the schema, nulls of optional ones left out."""
    body = {**GOOD, **changes}
    optional = ("bind", "auth")
    shown = {name: value for name, value in body.items() if value is not None or name not in optional}
    inner = shown.get("inner")
    if isinstance(inner, dict) and inner.get("older", 1) is None:
        shown["inner"] = {name: value for name, value in inner.items() if name != "older"}
    valid = Draft202012Validator(schema(Everything)).is_valid(shown)
    try:
        message = read(Everything, body)
    except MatrixError:
        assert not valid
    else:
        assert valid
        assert (message.sid, message.count, type(message.count)) == (body["sid"], body["count"], int)


@pytest.mark.parametrize("name", list(GOOD))
def test_a_missing_member_is_named(name: str) -> None:
    """Without a required member the error is ``MissingParam`` with the member's name."""
    with pytest.raises(MissingParam, match=rf"^{name}: is required$"):
        read(Everything, {key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("sid", "a b", "must be 1 to 255 characters of 0-9 a-z A-Z . = _ -"),
        ("name", "x" * 9, "must be a string of 1 to 8 characters without control characters"),
        ("name", "x\n", "must be a string of 1 to 8 characters without control characters"),
        ("address", "\0", "must be a string of 1 to 8 characters"),
        ("token", "", "must be a string of 1 to 255 characters"),
        ("medium", "e-mail", "must be one of: e.mail, msisdn"),
        ("count", True, "must be a whole number from -(2^53-1) to 2^53-1"),
        ("bind", 0, "must be true or false"),
        ("auth", [], "must be an object"),
        ("inner", "s", "must be an object"),
        ("inner.sid", 7_391_739, "must be 1 to 255 characters of 0-9 a-z A-Z . = _ -"),
        ("inner.older", "long", "must be a string of 1 to 3 characters without control characters"),
    ],
)
def test_an_error_names_member_and_rule_and_no_value(path: str, value: Any, rule: str) -> None:
    """A member that breaks its rule is named by its path, with the rule in words."""
    outer, _, inner = path.partition(".")
    body = {**GOOD, outer: {**GOOD["inner"], inner: value} if inner else value}
    with pytest.raises(InvalidParam) as raised:
        read(Everything, body)
    assert str(raised.value) == f"{path}: {rule}"


def test_a_missing_member_further_in_is_named_by_its_path() -> None:
    """The path of a member leads from the top of the body."""
    with pytest.raises(MissingParam, match=r"^inner\.sid: is required$"):
        read(Everything, {**GOOD, "inner": {}})


def test_an_older_name_counts_where_the_newer_is_absent() -> None:
    """A member is read from its older name too; the newer name wins."""
    renamed = {("Inner" if name == "inner" else name): value for name, value in GOOD.items()}
    assert read(Everything, renamed).inner.sid == "i"
    assert read(Everything, {**renamed, "inner": {"sid": "newer"}}).inner.sid == "newer"
    assert read(Everything, {**GOOD, "inner": {"sid": "i", "old": "yes"}}).inner.older == "yes"


def test_unknown_members_are_left_out() -> None:
    """What nobody declared is neither an error nor kept."""
    assert read(Everything, {**GOOD, "x": 1, "inner": {"sid": "i", "x": 1}}) == read(Everything, GOOD)


def test_a_whole_float_is_an_integer() -> None:
    """``1.0`` is a whole number in JSON and becomes one here."""
    message = read(Everything, {**GOOD, "count": 1.0})
    assert type(message.count) is int


def test_a_message_is_written_as_it_was_read() -> None:
    """Writing leaves absent members out, in messages within messages as well."""
    assert write(read(Everything, GOOD)) == GOOD


def test_a_message_is_a_frozen_value_that_tells_no_secret() -> None:
    """Messages compare by value, do not change, and print neither secrets nor what a person typed."""
    message = read(Everything, {**GOOD, "sid": "s3cret-sid", "address": "typed-it", "token": "t0ken"})
    assert message == evolve(message)
    with pytest.raises(FrozenInstanceError):
        message.count = 2  # type: ignore[misc]
    assert not any(secret in repr(message) for secret in ("s3cret-sid", "typed-it", "t0ken"))


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
def test_a_schema_is_a_schema(cls: type) -> None:
    """Every message class has a JSON schema, valid by its own meta-schema, with all its members."""
    shape: Any = schema(cls)
    Draft202012Validator.check_schema(shape)
    assert set(shape["properties"]) == {each.name for each in fields(cls)}


@pytest.mark.rule("SEC-134")
@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
def test_no_message_prints_a_secret(cls: type) -> None:
    """Members that are secrets by name are redacted wherever a message is printed."""
    secrets = {"client_secret", "token", "id_access_token", "auth", "email", "phone_number", "address"}
    for each in fields(cls):
        if each.name in secrets and cls is not Everything:
            assert "<redacted>" in each.repr("x"), each.name
