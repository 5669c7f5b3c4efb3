"""The table of the specification: what it says of addresses, what of it the library has, and a test for each row.

The rows are derived: endpoints from their declarations, errcodes from the classes of errors, stages from the media,
capabilities and flags from what hosts merge into their answers. A test belongs to a row if its code names what the row
is about; the first one in order of files is shown.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from matrix_threepid import capabilities, errors, unstable_features
from matrix_threepid.accounts import ACCOUNTS
from matrix_threepid.endpoints import DELEGATE, FEDERATION, HOMESERVER, IDENTITY_SERVER
from matrix_threepid.model.media import MEDIA
from matrix_threepid.model.third_party_invite import INVITE_EVENT, MEMBER_EVENT
from matrix_threepid.protocol.endpoint import Endpoint, Table
from matrix_threepid.roles.homeserver import Homeserver
from matrix_threepid.testing import World

TESTS = Path(__file__).parents[1]
HEADS = {
    "endpoints": "Endpoints",
    "functions": "What a host serves with functions of the library",
    "codes": "Error codes",
    "stages": "Stages and log-in",
    "events": "Events",
    "capabilities": "Capabilities and flags",
}
_SPECIFICATION = "https://spec.matrix.org/latest"
_TABLES = (
    (HOMESERVER, ("flows", "sms", "identity")),
    (Table(Homeserver.prefix, ACCOUNTS), ("accounts",)),
    (FEDERATION, ("rooms",)),
    (IDENTITY_SERVER, ("identity_server",)),
    (DELEGATE, ("delegate", "identity_server")),
)
"""The tables of endpoints, each with the folders of its tests."""
_INVITES = f"{_SPECIFICATION}/client-server-api/#third-party-invites"
_LOGIN = f"{_SPECIFICATION}/client-server-api/#identifier-types"


SHOWN = {
    **dict.fromkeys(
        ("request_add_email_token", "request_register_email_token"),
        "tests/flows/test_request_token.py::test_an_address_in_use_is_refused",
    ),
    "request_password_email_token": "tests/flows/test_password_reset.py::test_a_reset_is_for_the_owner_of_the_address",
    "request_add_msisdn_token": "tests/sms/test_flow.py::test_a_number_goes_on_the_account_and_logs_in",
    "request_register_msisdn_token": "tests/sms/test_flow.py::test_a_number_proves_a_stage_of_registration",
    "request_password_msisdn_token": "tests/sms/test_flow.py::test_a_reset_by_phone_is_off_unless_asked_for",
    "list_threepids": "tests/flows/test_list_delete_unbind.py::test_the_list_holds_ones_own_addresses_in_full",
    "add_threepid": "tests/flows/test_add.py::test_add_puts_the_proved_address_on_the_account",
    "add_threepid_legacy": "tests/flows/test_legacy_add.py::test_every_old_spelling_adds_and_never_binds",
    "delete_threepid": "tests/flows/test_list_delete_unbind.py::test_deleting_takes_any_spelling",
    "unbind_threepid": "tests/identity/test_client.py::test_an_unbind_is_signed_for_its_server",
    "bind_threepid": "tests/flows/test_bind.py::test_every_shape_is_taken_on_every_path",
    "register": "tests/accounts/test_register.py::test_an_account_is_made_and_logged_in",
    "change_password": "tests/accounts/test_password.py::test_a_caller_changes_their_password",
    "deactivate": "tests/accounts/test_password.py::test_an_account_is_closed",
    "on_bind": "tests/rooms/test_federation.py::test_a_room_of_another_server_is_asked_for",
    "on_bind_post": "tests/rooms/test_federation.py::test_a_room_of_another_server_is_asked_for",
    "exchange_third_party_invite": "tests/rooms/test_federation.py::test_a_homeserver_gets_the_invitation_of_its_user",
    "status": "tests/identity_server/test_versions.py::test_clients_find_the_server",
    "versions": "tests/identity_server/test_versions.py::test_clients_find_the_server",
    "register_account": "tests/identity_server/test_accounts.py::test_a_token_is_given_for_an_openid_token",
    "get_account": "tests/identity_server/test_accounts.py::test_a_token_is_given_for_an_openid_token",
    "log_out_account": "tests/identity_server/test_accounts.py::test_a_token_is_given_for_an_openid_token",
    "get_terms": "tests/identity_server/test_accounts.py::test_terms_come_first",
    "accept_terms": "tests/identity_server/test_accounts.py::test_a_new_version_is_accepted_anew",
    "hash_details": "tests/identity_server/test_lookup.py::test_a_rotation_refuses_no_look_up",
    "look_up": "tests/identity_server/test_lookup.py::test_what_is_published_is_found",
    "store_invite": "tests/identity_server/test_invite.py::test_an_invitation_is_stored_and_mailed",
    "sign_ed25519": "tests/identity_server/test_invite.py::test_the_key_of_the_mail_signs_for_who_accepts",
    "get_public_key": "tests/identity_server/test_public_keys.py::test_a_key_is_published_by_its_id",
    "is_valid_key": "tests/identity_server/test_public_keys.py::test_published_keys_are_valid",
    "is_valid_ephemeral_key": "tests/identity_server/test_invite.py::test_an_invitation_is_stored_and_mailed",
    "submit_email_validation": "tests/identity_server/test_submit.py::test_the_right_token_validates",
    "submit_msisdn_validation": "tests/identity_server/test_submit.py::test_the_right_token_validates",
    "open_email_validation": "tests/identity_server/test_submit.py::test_get_validates_at_once",
    "open_msisdn_validation": "tests/identity_server/test_submit.py::test_get_validates_at_once",
    "get_validated_threepid": "tests/identity_server/test_validated.py::test_only_the_session_s_client_learns_of_it",
    "bind_association": "tests/identity_server/test_bind.py::test_an_association_is_published_and_signed",
    "unbind_association": "tests/identity_server/test_unbind.py::test_the_user_s_homeserver_unbinds_by_its_signature",
    "validate_email": "tests/identity_server/test_request_token.py::test_a_mail_leads_to_our_page",
    "validate_msisdn": "tests/identity_server/test_request_token.py::test_an_sms_holds_a_code",
}
"""The test of an endpoint, by its name; others get the first one whose code names their path."""


@dataclass(frozen=True)
class Row:
    """One row of the table.

    * ``topic``: a key of ``HEADS``.
    * ``name``: what the specification calls it.
    * ``source``: the link to its section or proposal.
    * ``state``: what the library has of it.
    * ``words``: texts one of which the code of a test names, the best first.
    * ``folders``: where its tests are; default anywhere.
    * ``chosen``: its test, if it does not follow from the words.
    """

    topic: str
    name: str
    source: str
    state: str
    words: tuple[str, ...]
    folders: tuple[str, ...] = ()
    chosen: str | None = None

    @property
    def test(self) -> str | None:
        """The first test that names what the row is about; ``None`` if there is none."""
        if self.chosen is not None:
            return self.chosen
        near = [each for each in _tests() if each[0].startswith(tuple(f"tests/{name}/" for name in self.folders))]
        return next((name for word in self.words for name, code in near or _tests() if word in code), None)


@cache
def rows() -> tuple[Row, ...]:
    """Return all rows, topic by topic."""
    return (*_endpoints(), *_functions(), *_codes(), *_stages(), *_events(), *_capabilities())


def with_specification(page: str) -> str:
    """Return a page with the tables in the places that name a topic, ``<!-- specification: codes -->``."""
    return re.sub(r"<!-- specification: (\w+) -->", lambda found: table_of(found[1]), page)


def table_of(topic: str) -> str:
    """Return the table of a topic in Markdown."""
    head = "| the specification | the library | a test |\n|---|---|---|\n"
    lines = (f"| [`{row.name}`]({row.source}) | {row.state} | `{row.test}` |\n" for row in rows() if row.topic == topic)
    return head + "".join(lines)


def _endpoints() -> Iterator[Row]:
    seen = set()
    for table, folders in _TABLES:
        for declared in table.endpoints:
            name = f"{declared.method} {table.prefix}{declared.paths[0]}"
            # Pages and undoing are ours: no release of the specification has their paths.
            if name not in seen and not _is_ours(declared):
                seen.add(name)
                source = (
                    _link(declared.doc) or _link(getattr(declared.request, "__doc__", None)) or _of(table, declared)
                )
                yield Row(
                    "endpoints", name, source, _state(declared), _words(declared), folders, SHOWN.get(name_of(declared))
                )


def _is_ours(declared: Endpoint) -> bool:
    """Return whether an endpoint is a page of the library, which the specification does not have."""
    return declared.name.startswith(("show_", "submit_email_token", "submit_msisdn_token", "stop_", "undo_"))


def _of(table: Table, declared: Endpoint) -> str:
    """Return the link that the specification makes of an endpoint's method and path."""
    api = "identity-service-api" if table.prefix == IDENTITY_SERVER.prefix else "client-server-api"
    version = [*declared.history.since][-1 if "v3" not in declared.history.since else 1]
    path = re.sub(r"[^a-z0-9]", "", f"{table.prefix}{version}{declared.path}".lower())
    return f"{_SPECIFICATION}/{api}/#{declared.method.lower()}_{path}"


def _functions() -> Iterator[Row]:
    api, client = f"{_SPECIFICATION}/client-server-api", Homeserver.prefix
    for path, anchor, function in (
        ("POST {}/v3/rooms/{{roomId}}/invite", "thirdparty_post_matrixclientv3roomsroomidinvite", "invite_by_threepid"),
        ("POST {}/v3/createRoom", "post_matrixclientv3createroom", "prepare_invites"),
        ("POST {}/v3/login", "post_matrixclientv3login", "user_of_login"),
        ("POST {}/v3/account/deactivate", "post_matrixclientv3accountdeactivate", "deactivate_threepids"),
        ("GET {}/versions", "get_matrixclientversions", "unstable_features"),
        ("GET {}/v3/capabilities", "get_matrixclientv3capabilities", "capabilities"),
    ):
        yield Row(
            "functions",
            path.format(client),
            f"{api}/#{anchor}",
            f"`{function}`",
            (f"{function}(", f"{function.partition('_')[0]}(world"),
            ("rooms", "flows"),
        )
    join = f"{_SPECIFICATION}/server-server-api/#put_matrixfederationv2send_joinroomideventid"
    name = "PUT /_matrix/federation/v2/send_join/{roomId}/{eventId}"
    yield Row("functions", name, join, "`check_member`", ("check_member(",), ("rooms",))


def _state(declared: Endpoint) -> str:
    releases = [each for each in declared.history.since.values() if each]
    since = f"since {releases[0]}" if releases else "in no release"
    return since + (", deprecated" if declared.history.deprecated else "")


def name_of(declared: Endpoint) -> str:
    """Return the name of an endpoint without its version."""
    return declared.name.removesuffix("_v1")


def _words(declared: Endpoint) -> tuple[str, ...]:
    """Return what tests write for an endpoint: its path, whole or by its last steps, or its name."""
    path = declared.path.partition("/{")[0]
    last, name = path.rpartition("/")[2], name_of(declared)
    return f'"{path}"', f'{path}"', f"{path}/", path, name, f'"{last}"', f'{last}"', f".{_snake(last)}(", last


def _snake(name: str) -> str:
    """Return ``request_token`` for ``requestToken``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _codes() -> Iterator[Row]:
    seen = set()
    for name in errors.__all__:
        error = getattr(errors, name)
        code = getattr(error, "errcode", None)
        source = _link(error.__doc__)
        if code and source is not None and code not in seen:
            seen.add(code)
            yield Row("codes", code, source, f"`{name}`, {error.status}", (f'"{code}"', code, name))


def _stages() -> Iterator[Row]:
    for row in MEDIA.values():
        yield Row(
            "stages", row.stage, f"{_SPECIFICATION}/client-server-api/#authentication-types", "`Stages`", (row.stage,)
        )
    for name in ("m.login.password", "m.id.thirdparty", "m.id.phone"):
        yield Row("stages", name, _LOGIN, "`user_of_login`, `check_identifier`", (f'"{name}"', name))


def _events() -> Iterator[Row]:
    yield Row("events", INVITE_EVENT, _INVITES, "`ThirdPartyInvite`, `invite_by_threepid`", (INVITE_EVENT,))
    yield Row("events", MEMBER_EVENT, _INVITES, "`check_proof`, `check_member`: `third_party_invite`", (MEMBER_EVENT,))


def _capabilities() -> Iterator[Row]:
    home = World().homeserver
    for name in capabilities(home):
        yield Row("capabilities", name, _link(capabilities.__doc__) or "", "`capabilities`", (name,))
    for name in unstable_features(home):
        yield Row("capabilities", name, _link(unstable_features.__doc__) or "", "`unstable_features`", (name,))


def _link(doc: str | None) -> str | None:
    """Return the first link to the specification or a proposal in a docstring."""
    found = re.search(r"https://(?:spec\.matrix\.org|github\.com/matrix-org)/[^\s>`,]+", doc or "")
    return None if found is None else found[0].rstrip(".)")


@cache
def _tests() -> tuple[tuple[str, str], ...]:
    """Return the name and the code of every test that the usual run has."""
    # Those that show a rule first.
    return tuple(sorted(_read(), key=lambda each: "mark.rule" not in each[1]))


def _read() -> Iterator[tuple[str, str]]:
    for path in sorted(TESTS.rglob("test_*.py")):
        name = path.relative_to(TESTS).as_posix()
        if not name.startswith(("interop/", "proof/", "bench/", "tools/")):
            source = path.read_text("utf-8")
            for node in ast.parse(source).body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                    yield f"tests/{name}::{node.name}", _code(source, node)


def _code(source: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the code of a test with its decorators, and without its docstring."""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    lines = source.splitlines()[first - 1 : node.end_lineno]
    return "\n".join(lines).replace(ast.get_docstring(node, clean=False) or "\0", "")
