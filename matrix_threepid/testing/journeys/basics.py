"""Journeys about what a server says of itself, and about invalid requests."""

from __future__ import annotations

from typing import Any

from ..parts.client import answered, expect_refusal, expect_status
from .journey import NotOffered, journey
from .visit import Visit, expect, expect_same

_ASK, _ADD, _DELETE = "/account/3pid/email/requestToken", "/account/3pid/add", "/account/3pid/delete"
_GOOD: dict[str, dict[str, Any]] = {
    _ASK: {"email": "nobody@example.org", "client_secret": "a.secret", "send_attempt": 1},
    _ADD: {"sid": "unknown", "client_secret": "a.secret"},
    _DELETE: {"medium": "email", "address": "nobody@example.org"},
}
_ABSENT = object()
_WRONG: list[tuple[str, str, Any]] = [
    (_ASK, "email", 17),
    (_ASK, "email", "no address"),
    (_ASK, "send_attempt", "one"),
    (_ASK, "client_secret", ["a.secret"]),
    (_ASK, "client_secret", ""),
    (_ASK, "client_secret", "don't tell"),
    (_ASK, "client_secret", "x" * 256),
    (_ADD, "sid", {}),
    (_DELETE, "medium", "pigeon"),
    (_DELETE, "address", 17),
]
_NO_OBJECT = [(b"{", "M_NOT_JSON"), (b"[]", "M_BAD_JSON")]
_RELEASES = ("r0.6.", "v1.")


@journey()
def versions_tell_clients_what_to_do(visit: Visit) -> None:
    """``/versions`` says that adding and binding are separate (MSC2290) and no identity server is needed (MSC2263)."""
    visit.step("get /versions")
    told = visit.stranger().call("GET", "/_matrix/client/versions")
    expect(any(version.startswith(_RELEASES) for version in told["versions"]), "no release from r0.6.0 on is listed")
    visit.step("read unstable_features")
    flags = told.get("unstable_features", {})
    expect(flags.get("m.separate_add_and_bind") is not False, "m.separate_add_and_bind is false")
    expect(flags.get("m.require_identity_server") is not True, "m.require_identity_server is true")


@journey()
def capabilities_allow_changes(visit: Visit) -> None:
    """``/capabilities`` does not disable changes of addresses (``m.3pid_changes``)."""
    visit.step("get /capabilities")
    listed = visit.newcomer().call("GET", "/capabilities")["capabilities"]
    changes = listed.get("m.3pid_changes", {"enabled": True})
    expect_same(changes["enabled"], True, "m.3pid_changes.enabled; other stories need it")


@journey()
def addresses_are_for_their_owner(visit: Visit) -> None:
    """Addresses are listed, added and deleted only with a known access token."""
    url = f"{visit.around.base_url.rstrip('/')}/_matrix/client/v3"
    for token, errcode in ((None, "M_MISSING_TOKEN"), ("nonsense", "M_UNKNOWN_TOKEN")):
        calls = [("GET", "/account/3pid", None), *(("POST", path, _GOOD[path]) for path in (_ADD, _DELETE))]
        for method, path, body in calls:
            visit.step(f"{method} {path} {'with an unknown' if token else 'without an'} access token")
            answer = expect_refusal(answered(method, url + path, body, token), f"{method} {path}", errcode)
            expect_status(answer, f"{method} {path}", 401)


@journey("mail")
def bad_input_is_refused(visit: Visit) -> None:
    """A missing member, a wrong type or a bad value is answered 400 with an errcode, and no mail is sent."""
    alice, sent = visit.newcomer(), len(visit.mail.messages)
    missing = [(path, name, _ABSENT) for path, body in _GOOD.items() for name in body]
    for path, name, value in (*missing, *_WRONG):
        visit.step(f"POST {path} {'without' if value is _ABSENT else 'with a bad'} {name}")
        body = {**_GOOD[path], name: value}
        body = {name: value for name, value in body.items() if value is not _ABSENT}
        answer = alice.interactive(path, body, alice.by_password())
        expect_status(expect_refusal(answer, f"POST {path}"), f"POST {path}", 400)
    expect_same(len(visit.mail.messages), sent, "mails sent")


@journey()
def what_is_no_object_is_refused(visit: Visit) -> None:
    """A body that is not JSON, or not an object, is answered 400 with ``M_NOT_JSON`` or ``M_BAD_JSON``."""
    alice = visit.newcomer()
    for body, errcode in _NO_OBJECT:
        visit.step(f"POST {_DELETE} with the body {body.decode()!r}")
        answer = expect_refusal(alice.send("POST", _DELETE, body), f"POST {_DELETE}", errcode)
        expect_status(answer, f"POST {_DELETE}", 400)


@journey()
def unbinding_the_unknown_is_no_support(visit: Visit) -> None:
    """Unbinding an address that is bound nowhere is answered ``no-support`` (MSC1915)."""
    alice = visit.newcomer()
    visit.step("unbind an address that was never bound")
    body = {"medium": "email", "address": visit.address()}
    answer = alice.send("POST", "/account/3pid/unbind", body)
    if answer.errcode == "M_UNRECOGNIZED":
        raise NotOffered("there is no /account/3pid/unbind")
    result = expect_status(answer, "POST /account/3pid/unbind").member("id_server_unbind_result")
    expect_same(result, "no-support", "id_server_unbind_result")
