"""The OpenAPI document and the page of the docs say what the table of endpoints says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import frozen
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from matrix_threepid.commands.roles import ROLES
from matrix_threepid.endpoints import HOMESERVER
from matrix_threepid.model.threepid import Medium
from matrix_threepid.openapi import document, endpoints_page
from matrix_threepid.openapi.schemas import reply_schema
from matrix_threepid.protocol.endpoint import Table, on
from matrix_threepid.protocol.history import History

CLIENT = "/_matrix/client"
DOCUMENT = document(HOMESERVER)
OPERATIONS = [
    (method, path, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]
TEXT, WHOLE, FLAG, OBJECT = "string", "integer", "boolean", "object"
ANY = None
"""The type of what has no effect where it is listed, and may be anything."""
# What the client-server API of the Matrix specification lists: member → type, required ones first, then the others.
_ASK = {"client_secret": TEXT, "send_attempt": WHOLE}
_HINTS = {"next_link": TEXT, "id_server": ANY, "id_access_token": ANY}
_REMOVE = ({"medium": TEXT, "address": TEXT}, {"id_server": TEXT})
SPECIFIED: dict[str, tuple[dict[str, str], dict[str, str | None]]] = {
    "/account/3pid/email/requestToken": ({**_ASK, "email": TEXT}, _HINTS),
    "/account/3pid/msisdn/requestToken": ({**_ASK, "country": TEXT, "phone_number": TEXT}, _HINTS),
    "/register/email/requestToken": ({**_ASK, "email": TEXT}, _HINTS),
    "/register/msisdn/requestToken": ({**_ASK, "country": TEXT, "phone_number": TEXT}, _HINTS),
    "/account/password/email/requestToken": ({**_ASK, "email": TEXT}, _HINTS),
    "/account/password/msisdn/requestToken": ({**_ASK, "country": TEXT, "phone_number": TEXT}, _HINTS),
    "/account/3pid": ({"three_pid_creds": OBJECT}, {"auth": OBJECT}),
    "/account/3pid/add": ({"client_secret": TEXT, "sid": TEXT}, {"auth": OBJECT}),
    "/account/3pid/bind": ({"client_secret": TEXT, "id_server": TEXT, "id_access_token": TEXT, "sid": TEXT}, {}),
    "/account/3pid/delete": _REMOVE,
    "/account/3pid/unbind": _REMOVE,
}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["schemas"][name] if name else schema


def body_of(path: str, version: str = "v3") -> dict[str, Any]:
    operation = DOCUMENT["paths"][f"{CLIENT}/{version}{path}"]["post"]
    return resolved(operation["requestBody"]["content"]["application/json"]["schema"])


def test_the_document_is_valid_openapi() -> None:
    """The document keeps the rules of OpenAPI 3.1."""
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_document(role: str) -> None:
    """The document of each role, as ``python -m matrix_threepid openapi`` prints it, keeps the rules of OpenAPI 3.1."""
    assert list(OpenAPIV31SpecValidator(document(ROLES[role])).iter_errors()) == []


@pytest.mark.parametrize("role", ROLES)
def test_whoever_sends_a_body_gets_json(role: str) -> None:
    """The answer to each body has a schema; a page answers only those who open a link or press a button."""
    table = ROLES[role]
    assert [each.name for each in table.endpoints if each.request is not None and each.reply is None] == []


@pytest.mark.parametrize("role", ["identity-server", "delegate"])
def test_errcodes_have_the_names_of_their_api(role: str) -> None:
    """The documents of the identity API name its own errcodes, which its answers have as well (REQ-ISREQ-2)."""
    assert {"M_MISSING_PARAM", "M_UNKNOWN_TOKEN"} & errcodes(document(ROLES[role])) == set()
    assert "M_MISSING_PARAMS" in errcodes(document(ROLES[role]))
    assert "`M_MISSING_PARAMS`" in endpoints_page(ROLES[role])


def errcodes(value: Any) -> set[str]:
    """Return every errcode that a document names in a schema."""
    if isinstance(value, list):
        return set().union(*map(errcodes, value))
    if not isinstance(value, dict):
        return set()
    own = value.get("errcode", {}).get("enum", ()) if isinstance(value.get("errcode"), dict) else ()
    return {*own}.union(*map(errcodes, value.values()))


def test_members_of_a_query_may_be_wrong() -> None:
    """An endpoint whose members come in the query answers JSON errors about them, and its document says so."""
    path = "/_matrix/identity/v2/3pid/getValidated3pid"
    refused = document(ROLES["identity-server"])["paths"][path]["get"]["responses"]["400"]
    assert {"M_MISSING_PARAMS", "M_INVALID_PARAM"} <= errcodes(refused)


def test_an_identity_server_may_have_errcodes_of_its_own() -> None:
    """Where the error of an identity server is passed on, no status is limited to the errcodes of this server."""
    answers = OPERATIONS[[path for _, path, _ in OPERATIONS].index(f"{CLIENT}/v3/account/3pid/unbind")][2]["responses"]
    assert errcodes(answers) == set()


def test_every_schema_is_valid_json_schema() -> None:
    """Every component is a JSON schema of the 2020-12 draft."""
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_path_is_there_under_its_own_name() -> None:
    """Each method and path of the table is one operation, and no two operations share a name."""
    declared = {(each.method.lower(), HOMESERVER.prefix + path) for each in HOMESERVER.endpoints for path in each.paths}
    assert {(method, path) for method, path, _ in OPERATIONS} == declared
    names = Counter(operation["operationId"] for _, _, operation in OPERATIONS)
    assert [name for name, count in names.items() if count > 1] == []


def test_one_schema_name_stands_for_one_class() -> None:
    """No two classes of the table share a name: the document knows them by it."""
    classes = {cls for each in HOMESERVER.endpoints for cls in (each.request, each.reply) if cls is not None}
    assert len({cls.__name__ for cls in classes}) == len(classes)


@pytest.mark.parametrize("version", ["r0", "v3", "unstable"])
@pytest.mark.parametrize("path", SPECIFIED)
def test_a_request_body_has_the_members_of_the_specification(path: str, version: str) -> None:
    """Names, types and required members of a body are those of the specification, under every version."""
    required, optional = SPECIFIED[path]
    body = body_of(path, version)
    assert {name: shape.get("type") for name, shape in body["properties"].items()} == {**required, **optional}
    assert set(body["required"]) == set(required)


def test_the_table_of_the_specification_misses_no_body() -> None:
    """Every endpoint with a body is compared with the specification, but for our own submit endpoints."""
    paths = {each.path for each in HOMESERVER.endpoints if each.request is not None}
    assert {path for path in paths if not path.startswith("/threepid")} == set(SPECIFIED)


@pytest.mark.parametrize("medium", [medium.value for medium in Medium])
def test_a_token_is_submitted_with_three_strings(medium: str) -> None:
    """``submit_url`` takes ``sid``, ``client_secret`` and ``token``, all required."""
    body = body_of(f"/threepid/{medium}/submit_token", "unstable")
    assert set(body["required"]) == set(body["properties"]) == {"sid", "client_secret", "token"}


def test_older_endpoints_are_marked() -> None:
    """Exactly ``POST /account/3pid`` is deprecated."""
    assert {path for _, path, operation in OPERATIONS if operation["deprecated"]} == {
        f"{CLIENT}/{version}/account/3pid" for version in ("r0", "v3", "unstable")
    }


@pytest.mark.parametrize(
    ("method", "path", "security"),
    [
        ("post", "/v3/account/3pid/email/requestToken", [{}, {"accessToken": []}]),
        ("get", "/v3/account/3pid", [{"accessToken": []}]),
        ("post", "/unstable/threepid/email/submit_token", []),
    ],
)
def test_who_may_call_is_said(method: str, path: str, security: list[Any]) -> None:
    """An access token is required, optional or not looked at, as the endpoint declares."""
    assert DOCUMENT["paths"][CLIENT + path][method]["security"] == security


@frozen
class Inner:
    """A reply in a reply."""

    number: float


@frozen
class Everything:
    """A reply with every type a member may have."""

    plain: str
    many: tuple[int, ...]
    inner: tuple[Inner, ...]
    word: Literal["yes", "no"]
    further: dict[str, str]
    absent: bool | None = None


@frozen
class Nonsense:
    """A reply that cannot be written."""

    choice: complex


def test_a_reply_is_described_from_its_types() -> None:
    """Plain types, lists, replies in replies, words and objects have schemas; what may be None is not required."""
    shape = reply_schema(Everything)
    assert shape["required"] == ["plain", "many", "inner", "word", "further"]
    assert shape["properties"] == {
        "plain": {"type": "string"},
        "many": {"type": "array", "items": {"type": "integer"}},
        "inner": {"type": "array", "items": reply_schema(Inner)},
        "word": {"enum": ["yes", "no"]},
        "further": {"type": "object"},
        "absent": {"type": "boolean"},
    }


def test_a_type_without_a_schema_is_refused() -> None:
    """A reply class nobody can write as JSON does not pass for one."""
    with pytest.raises(TypeError, match="complex"):
        reply_schema(Nonsense)


def test_the_page_of_the_docs_is_current() -> None:
    """docs/endpoints.md is what ``python -m matrix_threepid endpoints`` prints."""
    page = Path(__file__).parents[1] / "docs" / "endpoints.md"
    assert page.read_text("utf-8") == endpoints_page(HOMESERVER)
    accounts = page.with_name("account-endpoints.md")
    assert accounts.read_text("utf-8") == endpoints_page(ROLES["accounts"], "Endpoints of accounts", " --role accounts")
    others = page.with_name("federation-endpoints.md")
    assert others.read_text("utf-8") == endpoints_page(
        ROLES["federation"], "Endpoints for other servers", " --role federation"
    )


def test_the_page_names_further_paths() -> None:
    """A path of a draft stands beside the others, in no release, with an operation of its own."""
    history = History(v3="v1.1", unstable=False, bare=True, also=("/account/3pid/draft",))
    table = Table(CLIENT, (on(HOMESERVER.endpoints[-1], name="act", history=history),))
    assert "* `/_matrix/client/v3/account/3pid/draft` in no release\n" in endpoints_page(table)
    operations = [operation for methods in document(table)["paths"].values() for operation in methods.values()]
    assert [operation["operationId"] for operation in operations] == ["act_v3", "act", "act_v3_2", "act_2"]
