"""Errors and answers: every error a client can see is one class, and becomes one kind of answer."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid.protocol import errors
from matrix_threepid.protocol.errors import LimitExceeded, MatrixError, UiaRequired, Unavailable, UserLocked
from matrix_threepid.protocol.wire import CORS, Request, Response, json_response

CLASSES = [
    each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, MatrixError) and each.__doc__
]
ARGUMENTS: dict[type, tuple[Any, ...]] = {
    LimitExceeded: (1500,),
    UiaRequired: ({"flows": [], "session": "x"},),
    errors.ChallengeRequired: ({"flows": [], "session": "x"},),
    errors.HostRefused: (403, "M_FORBIDDEN", "no"),
    errors.IdentityServerRefused: (403, "M_FORBIDDEN", "no"),
}
STATUSES = {
    "M_NOT_JSON": 400,
    "M_BAD_JSON": 400,
    "M_MISSING_PARAM": 400,
    "M_INVALID_PARAM": 400,
    "M_TOO_LARGE": 413,
    "M_MISSING_TOKEN": 401,
    "M_UNKNOWN_TOKEN": 401,
    "M_USER_LOCKED": 401,
    "M_GUEST_ACCESS_FORBIDDEN": 403,
    "M_USER_SUSPENDED": 403,
    "M_TERMS_NOT_SIGNED": 403,
    "M_SESSION_NOT_VALIDATED": 400,
    "M_INVALID_EMAIL": 400,
    "M_INVALID_ADDRESS": 400,
    "M_EMAIL_SEND_ERROR": 400,
    "M_SEND_ERROR": 400,
    "M_DESTINATION_REJECTED": 400,
    "M_LIMIT_EXCEEDED": 429,
    "M_THREEPID_IN_USE": 400,
    "M_THREEPID_NOT_FOUND": 400,
    "M_THREEPID_DENIED": 403,
    "M_THREEPID_MEDIUM_NOT_SUPPORTED": 400,
    "M_THREEPID_AUTH_FAILED": 403,
    "M_NO_VALID_SESSION": 404,
    "M_SESSION_EXPIRED": 400,
    "M_TOKEN_INCORRECT": 400,
}


def made(cls: type[MatrixError]) -> MatrixError:
    return cls(*ARGUMENTS.get(cls, ()))


@pytest.mark.rule("REQ-GEN-2")
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_has_status_code_and_words(cls: type[MatrixError]) -> None:
    """A Matrix error has a status from 400, an errcode and a sentence (UIA has the state in its body instead)."""
    error = made(cls)
    assert 400 <= error.status < 600
    assert str(error)
    if not issubclass(cls, UiaRequired):
        assert re.fullmatch(r"M_[A-Z_]+", error.body()["errcode"])
        assert isinstance(error.body()["error"], str)


@pytest.mark.parametrize(("errcode", "status"), STATUSES.items())
def test_a_code_has_the_status_of_the_specification(errcode: str, status: int) -> None:
    """Each errcode has one status."""
    assert {made(cls).status for cls in CLASSES if cls.errcode == errcode} == {status}


def test_a_message_of_its_own_and_more_members() -> None:
    """An error may carry another sentence and further members."""
    body = errors.UnknownToken("Logged out", soft_logout=True).body()
    assert body == {"errcode": "M_UNKNOWN_TOKEN", "error": "Logged out", "soft_logout": True}


def test_a_locked_user_is_logged_out_softly() -> None:
    """``M_USER_LOCKED`` says that the device may come back."""
    assert UserLocked().body()["soft_logout"] is True


@pytest.mark.parametrize(("ms", "seconds"), [(1, "1"), (1000, "1"), (1001, "2"), (60_000, "60")])
def test_a_limit_says_when_to_come_back(ms: int, seconds: str) -> None:
    """A 429 carries ``retry_after_ms`` and, in whole seconds rounded up, ``Retry-After``."""
    error = LimitExceeded(ms)
    assert error.body()["retry_after_ms"] == ms
    assert error.headers() == (("Retry-After", seconds),)


def test_an_outage_says_to_try_again() -> None:
    """A 503 carries ``Retry-After``."""
    assert dict(Unavailable().headers())["Retry-After"].isdigit()


def test_the_state_of_authentication_is_the_body() -> None:
    """A 401 of user-interactive authentication is the host's state, untouched."""
    assert UiaRequired({"flows": [], "session": "x"}).body() == {"flows": [], "session": "x"}


def test_a_json_answer_has_its_headers() -> None:
    """JSON answers name their type, are not cached, and any web page may read them."""
    response = json_response(200, {"a": "é"}, ("X", "y"))
    assert response.body == '{"a":"é"}'.encode()
    assert response.json() == {"a": "é"}
    assert response.header("content-type") == "application/json"
    assert response.header("CACHE-CONTROL") == "no-store"
    assert response.header("x") == "y"
    assert set(CORS) <= set(response.headers)
    assert Response(204).header("x") is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2", {"a": "2"}),
        ("a=&b", {"a": "", "b": ""}),
        ("a=%C3%A9+x", {"a": "é x"}),
        ("a=%FF", {"a": "\ufffd"}),
        ("a=1;b=2", {"a": "1;b=2"}),
        ("&".join(["a=1"] * 33), {}),
    ],
)
@pytest.mark.parametrize(
    "read", [lambda q: Request("GET", "/", query=q).parameters, lambda q: Request("POST", "/", body=q.encode()).form]
)
def test_queries_and_forms_are_read_alike(
    read: Callable[[str], dict[str, str]], query: str, expected: dict[str, str]
) -> None:
    """Of a repeated parameter the last counts; more parameters than anyone sends are none."""
    assert read(query) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("application/x-www-form-urlencoded; charset=utf-8", True), ("application/json", False), ("", False)],
)
def test_a_form_is_known_by_its_type(kind: str, expected: bool) -> None:
    """Only what calls itself a form is read as one."""
    assert Request("POST", "/", {"content-type": kind}).is_form is expected


def test_a_request_prints_no_secret() -> None:
    """Headers, query and body are not printed."""
    request = Request("POST", "/x", {"authorization": "Bearer s3cret"}, "token=s3cret", b"s3cret", "192.0.2.1")
    assert "s3cret" not in repr(request)
    assert "192.0.2.1" not in repr(request)
