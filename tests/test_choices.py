"""Choices and settings: each is documented where it is declared, can be set in a file, and is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from tools.choices import default_of, tables_of, with_choices

from matrix_threepid import ConfigurationError, Limit, Policy
from matrix_threepid import settings as public_settings
from matrix_threepid.commands.files.shared import Shared
from matrix_threepid.policy import (
    AccountAddresses,
    AddressForTests,
    Brand,
    Conversion,
    InvitationRules,
    Lifetimes,
    Limits,
    LookupRules,
    Retrying,
    SmsRules,
)
from matrix_threepid.protocol.members import Nested, members
from matrix_threepid.protocol.rules import Flag, Integer, ListOf, Number, OneOf, Rule
from matrix_threepid.settings import PolicySettings, read
from matrix_threepid.synapse.settings import EmailSettings, ModuleSettings

CHOICES = (
    Policy,
    AccountAddresses,
    AddressForTests,
    Brand,
    Limits,
    SmsRules,
    Conversion,
    Lifetimes,
    LookupRules,
    InvitationRules,
    Retrying,
)
SECTIONS = tuple(
    value
    for name in public_settings.__all__
    if attrs.has(value := getattr(public_settings, name)) and "Settings" in name
)
DECLARED = (*CHOICES, *SECTIONS, ModuleSettings, EmailSettings, Shared)
IN_A_FILE: dict[str, Any] = {
    "public_base_url": "https://matrix.example.org",
    "invitations.web_client": "https://app.example.org",
    "languages": ["de"],
    "code_host": "app.example.org",
    "next_link_hosts": ["app.example.org"],
    "intranet_domains": ["mail.intranet"],
    "brand.name": "Example",
    "brand.logo": "https://example.org/logo.png",
    "brand.support": "help@example.org",
    "identity_servers": ["id.example.org"],
    "sms.countries": ["GB"],
    "sms.refused_kinds": [],
    "lookup.algorithms": ["none"],
    "test_addresses": [{"address": "447700900001", "code": "424242", "until": "2027-01-31"}],
}
"""What a file may say of the choices for which no value follows from the rule."""
LIMIT = {"burst": 7, "per_second": 0.5}


def another(rule: Rule, default: Any, at: str) -> Any:
    """Return a value in JSON that is not the default."""
    if isinstance(rule, Flag):
        return not default
    if isinstance(rule, OneOf):
        return next(value for value in rule.values if value != default)
    if isinstance(rule, Integer):
        return (default or 0) + 1
    if isinstance(rule, Number):
        return default / 2
    if isinstance(rule, Nested):
        return LIMIT
    limits = isinstance(rule, ListOf) and isinstance(rule.each, Nested) and rule.each.builds is Limit
    return [LIMIT] if limits else IN_A_FILE[at]


def leaves(cls: type[Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the names of all choices, also those within others, with a value in JSON that is not the default."""
    for name, each in members(cls).items():
        if isinstance(each.rule, Nested) and each.rule.builds is not Limit:
            yield from leaves(each.rule.cls, f"{at}{name}.")
        else:
            yield f"{at}{name}", another(each.rule, each.default, f"{at}{name}")


def said(path: str, value: Any) -> dict[str, Any]:
    """Return an object that holds a value at a path."""
    name, _, inner = path.partition(".")
    return {name: said(inner, value) if inner else value}


def found(made: Any, path: str) -> Any:
    """Return the attribute at a path."""
    name, _, inner = path.partition(".")
    return found(getattr(made, name), inner) if inner else getattr(made, name)


@pytest.mark.parametrize("cls", DECLARED, ids=lambda cls: cls.__name__)
def test_every_choice_and_setting_is_documented(cls: type[Any]) -> None:
    """Each attribute is a declared member and says what it means, once: docstring and docs have it from there."""
    declared = {each.name: each for each in members(cls).values()}
    assert [field.name for field in attrs.fields(cls) if field.name not in declared] == []
    assert [name for name, each in declared.items() if not each.doc] == []
    assert [each.key for each in declared.values() if f"* ``{each.key}``: {each.doc}" not in (cls.__doc__ or "")] == []


def test_every_choice_has_its_place_in_the_docs() -> None:
    """Each choice of the policy belongs to a topic, and the tables of the docs name them all."""
    assert [name for name, each in members(Policy).items() if not each.topic] == []
    tables = with_choices("# Policy\n\n<!-- choices: matrix_threepid.policy.Policy -->\n")
    assert [name for name in members(Policy) if f"| `{name}` |" not in tables] == []
    assert "<!--" not in tables


def test_the_tables_have_defaults_in_words() -> None:
    """Times, limits, lists and what is required are read at a glance; what a section shares is not repeated."""
    shown = {f"{cls.__name__}.{name}": default_of(each) for cls in DECLARED for name, each in members(cls).items()}
    assert shown["Lifetimes.token"] == "1 hour (3600000)"
    assert shown["Limits.per_client"] == "20 at once, then one every 180 s"
    assert (shown["SmsRules.countries"], shown["SmtpSettings.from"]) == ("none", "required")
    beside = tables_of(PolicySettings, Policy)
    assert "`token_lifetime_s`" in beside
    assert "`legacy_add`" not in beside


@pytest.mark.parametrize(("path", "value"), [pytest.param(*each, id=each[0]) for each in leaves(Policy)])
def test_every_choice_can_be_set_in_a_file(path: str, value: Any) -> None:
    """Each choice of the policy, also within limits, lifetimes and rules of SMS, can be said in a file's ``policy``."""
    policy = read(PolicySettings, said(path, value)).policy(None)
    assert found(policy, path) != found(Policy(), path)
    shared = read(Shared, {"server_name": "a.example", "policy": said(path, value)}).library_policy()
    assert found(shared, path) == found(policy, path) or callable(found(shared, path))


def test_conversion_can_be_off_in_a_file() -> None:
    """``null`` is a choice where ``None`` is one beside a default, and is absent elsewhere."""
    assert read(PolicySettings, {"sms": {"conversion": None}}).policy(None).sms.conversion is None
    assert read(PolicySettings, {"sms": {"warn_at": None}, "limits": None}).policy(None) == Policy()


def test_sections_add_to_the_choices() -> None:
    """What a section of its own says counts before ``policy``, which has the word on the rest."""
    file = {
        "server_name": "a.example",
        "policy": {
            "sms": {"budget_per_hour": 7, "budget_per_day": 8, "per_number": [LIMIT]},
            "retrying": {"longest": 9},
        },
        "countries": ["GB"],
        "budget_per_day": 9,
        "identity_servers": {"retry_s": 2, "timeout_s": 3},
    }
    policy = read(Shared, file).library_policy()
    assert (policy.sms.countries, policy.sms.per_number) == ({"GB"}, (Limit(7, 0.5),))
    assert (policy.sms.budget_per_hour, policy.sms.budget_per_day) == (7, 9)
    assert (policy.retrying, policy.identity_deadline) == (Retrying(first=2000, longest=9), 3000)


@pytest.mark.parametrize(
    ("within", "outside"),
    [
        ({"limits": {"changes": LIMIT}}, {"limits": {"per_user": LIMIT}}),
        ({"public_base_url": "https://a.example"}, {"public_base_url": "https://b.example"}),
    ],
)
def test_what_is_said_twice_is_refused(within: dict[str, Any], outside: dict[str, Any]) -> None:
    """A choice in ``policy`` that the top of the file makes as well is refused: neither is silently left out."""
    settings = read(Shared, {"server_name": "a.example", "policy": within, **outside})
    with pytest.raises(ConfigurationError, match=rf"^policy\.{next(iter(within))}: is also set outside of policy"):
        settings.library_policy()


def test_a_list_of_identity_servers_allows_only_them() -> None:
    """The list compares names in their normal form; without a list any is allowed."""
    allows = read(PolicySettings, {"identity_servers": ["https://ID.example/", "b.example:8448"]}).policy(None)
    assert allows.identity_servers is not None
    assert [allows.identity_servers(name) for name in ("id.example", "b.example:8448", "b.example")] == [
        True,
        True,
        False,
    ]
    assert Policy().identity_servers is None


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: Policy(limits={"per_user": Limit(1, 1)}), "policy.limits: must be a Limits, not dict"),  # type: ignore[arg-type]
    (lambda: Policy(sms=None), "policy.sms: must be a SmsRules, not NoneType"),  # type: ignore[arg-type]
    (lambda: Policy(lifetimes=3_600_000), "policy.lifetimes: must be a Lifetimes, not int"),  # type: ignore[arg-type]
    (
        lambda: Policy(languages=["en", 1]),
        "policy.languages: must be a list of at least 1, and each entry must be a str",
    ),  # type: ignore[list-item]
    (lambda: Policy(languages={"en": "English"}), "policy.languages: must be a list"),  # type: ignore[arg-type]
    (lambda: Policy(notices="no"), "policy.notices: must be true or false"),  # type: ignore[arg-type]
    (lambda: Policy(max_body=1.5), "policy.max_body: must be a whole number from 1 to 2^53-1"),  # type: ignore[arg-type]
    (lambda: Policy(max_body=True), "policy.max_body: must be a whole number from 1 to 2^53-1"),
    (lambda: Policy(identity_servers="id.example"), "policy.identity_servers: must be a list"),  # type: ignore[arg-type]
    (lambda: Policy(identity_servers=["a b"]), "policy.identity_servers: must be a list, and each"),  # type: ignore[arg-type]
    (
        lambda: Policy(next_link_hosts=["https://a.example"]),
        "policy.next_link_hosts: must be a list, and each entry must be host, host:port",
    ),
    (lambda: Policy(retrying=Limits()), "policy.retrying: must be a Retrying, not Limits"),  # type: ignore[arg-type]
    (lambda: Limits(per_user=10), "policy.limits.per_user: must be a Limit, not int"),  # type: ignore[arg-type]
    (lambda: SmsRules(per_number=(3,)), "policy.sms.per_number: must be a list, and each entry"),  # type: ignore[arg-type]
    (lambda: SmsRules(warn_at=float("nan")), "policy.sms.warn_at: must be a number above 0 and up to 1"),
    (lambda: Conversion(over=0), "policy.sms.conversion.over: must be a whole number from 1 to 2^53-1"),
    (lambda: Lifetimes(code=-1), "policy.lifetimes.code: must be a whole number from 1 to 2^53-1"),
    (lambda: Policy(legcy_add="uia"), "policy.legcy_add: there is no such choice; did you mean legacy_add?"),  # type: ignore[call-arg]
    (lambda: Policy.hardened(colour="blue"), "policy.colour: there is no such choice"),
    (
        lambda: Limits(per_adress=Limit(1, 1)),
        "policy.limits.per_adress: there is no such choice; did you mean per_addr",
    ),  # type: ignore[call-arg]
]


@pytest.mark.parametrize(("make", "error"), [pytest.param(*each, id=each[1]) for each in WRONG])
def test_a_choice_of_the_wrong_type_is_refused_by_name(make: Callable[[], object], error: str) -> None:
    """What a choice cannot be, and a name that does not exist, is refused when it is made, with what was allowed."""
    with pytest.raises(ConfigurationError) as refused:
        make()
    assert str(refused.value).startswith(error)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"legacy_ad": "uia"}, "policy.legacy_ad: there is no such setting; did you mean legacy_add?"),
        ({"limits": {"per_usr": LIMIT}}, "policy.limits.per_usr: there is no such setting; did you mean per_user?"),
        ({"sms": {"per_number": [LIMIT, {"burst": 1}]}}, "policy.sms.per_number.1.per_second: is required"),
        ({"sms": {"per_number": [LIMIT, 5]}}, "policy.sms.per_number.1: must be an object"),
        (
            {"limits": {"per_user": {**LIMIT, "burst": "k7Qz93"}}},
            "policy.limits.per_user.burst: must be a whole number",
        ),
        ({"limits": []}, "policy.limits: must be an object"),
        ({"languages": []}, "policy.languages: must be a list of at least 1"),
    ],
)
def test_an_error_of_a_setting_names_it_and_its_rule(given: dict[str, Any], error: str) -> None:
    """A setting is named by its path, with its rule or the name that was meant; never with the value."""
    with pytest.raises(ConfigurationError) as refused:
        read(PolicySettings, given, "policy.")
    assert str(refused.value).startswith(error)
    assert "k7Qz93" not in str(refused.value)
