"""Reads the answers of identity servers. An answer of a wrong shape, size or type counts as no answer."""

from __future__ import annotations

from typing import Any

from ..model.identity import (
    Associated,
    BindAnswer,
    Blocked,
    Busy,
    Done,
    Failed,
    Proved,
    ProvedAnswer,
    UnbindAnswer,
    Unreachable,
    is_refusal,
    read_failure,
    read_refusal,
)
from ..model.threepid import Medium
from ..net.fetch import Failure, HttpFailure, HttpReply
from ..protocol.errors import MatrixError
from ..protocol.wire import read_object

_MAX_ADDRESS, _MAX_MXID = 254, 255
ODD = Unreachable("the answer is not what was asked for")

Answer = HttpReply | HttpFailure


def read_unbind(answer: Answer) -> UnbindAnswer:
    """Return what became of an unbind: any 2xx is success, unless its object has an ``errcode``."""
    if not succeeded(answer):
        return failed(answer)
    body = object_of(answer)
    return read_refusal(400, body) if is_refusal(body) else Done()


def read_proved(answer: Answer) -> ProvedAnswer:
    """Return the address of a session. Old servers answer an error with status 200."""
    if not succeeded(answer):
        return failed(answer)
    body = object_of(answer)
    if "errcode" in body:
        return read_refusal(400, body) if is_refusal(body) else ODD
    threepid = _threepid(body)
    return Proved(*threepid) if threepid else ODD


def read_association(answer: Answer) -> BindAnswer:
    """Return what was published. After a success with another body something may have been published all the same."""
    if not succeeded(answer):
        return failed(answer)
    body = object_of(answer)
    threepid, mxid = _threepid(body), body.get("mxid")
    if threepid is None or not isinstance(mxid, str) or not 0 < len(mxid) <= _MAX_MXID:
        return ODD
    return Associated(*threepid, mxid)


def succeeded(answer: Answer) -> bool:
    """Return whether an answer has a status of success."""
    return isinstance(answer, HttpReply) and 200 <= answer.status < 300


def failed(answer: Answer) -> Failed:
    """Return the meaning of an answer that is no success."""
    if isinstance(answer, HttpReply):
        late = answer.cut is not None and answer.cut.kind is not Failure.ODD
        body = object_of(answer)
        return failed(answer.cut) if late and answer.cut and not body else read_failure(answer.status, body)
    if answer.kind is Failure.BLOCKED:
        return Blocked()
    if answer.kind is Failure.BUSY:
        return Busy()
    return Unreachable(str(answer), timeout=answer.kind is Failure.TIMEOUT)


def object_of(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of a body; an empty one for any other body."""
    if not isinstance(answer, HttpReply):
        return {}
    try:
        return read_object(answer.body, len(answer.body))
    except MatrixError:
        return {}


def _threepid(body: dict[str, Any]) -> tuple[Medium, str] | None:
    medium, address = body.get("medium"), body.get("address")
    if medium not in list(Medium) or not isinstance(address, str) or not 0 < len(address) <= _MAX_ADDRESS:
        return None
    return Medium(medium), address
