"""What a ``Gate`` is asked before a message is sent, and what it may answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from ..protocol.errors import ConfigurationError
from ..protocol.wire import Request
from .call import Call, Caller
from .threepid import Medium, Named, Purpose, Threepid

LONGEST_SESSION = 255
"""The most characters of an id of a UIA session that a gate is shown or may give.

The specification allows opaque identifiers so many, https://spec.matrix.org/latest/appendices/#opaque-identifiers.
"""
_MOST_BYTES = 65_536


@frozen(kw_only=True)
class GateRequest:
    """One request for a message, before anything is looked up or sent.

    * ``request``: the HTTP request, as the host passed it in.
    * ``purpose``: what the address is to be proved for; ``Purpose.BIND`` at an identity server and at a delegate.
    * ``threepid``: the address in its canonical form.
    * ``caller``: the user whose access token the request carries; ``None`` without one.
    * ``body``: all members of the body, those of no endpoint included; read-only, and a copy. Not in its ``repr``.
    """

    request: Request
    purpose: Purpose
    threepid: Threepid
    caller: Caller | None = None
    body: Mapping[str, object] = field(factory=dict, repr=False)

    @classmethod
    def of(cls, call: Call, purpose: Purpose, threepid: Threepid) -> GateRequest:
        """Return the request that a call makes."""
        body = MappingProxyType(deepcopy(dict(call.body)))
        return cls(request=call.request, purpose=purpose, threepid=threepid, caller=call.caller, body=body)

    @property
    def medium(self) -> Medium:
        """The medium of the address."""
        return self.threepid.medium

    @property
    def client(self) -> str | None:
        """The address of the client, as the host passed it in; ``None`` if it is unknown."""
        return self.request.client

    @property
    def session(self) -> str | None:
        """The UIA session that ``auth.session`` of the body names; ``None`` for anything but a text of 1 to 255.

        The library keeps no UIA sessions, so this is what the client says: the gate decides whether it is one of its
        own.
        """
        auth = self.body.get("auth")
        named = auth.get("session") if isinstance(auth, Mapping) else None
        return named if isinstance(named, str) and 0 < len(named) <= LONGEST_SESSION else None


@frozen
class Allow:
    """The answer of a gate that lets a request pass."""


def _is_printable(_: object, attribute: Named, value: Any) -> None:
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > LONGEST_SESSION:
        at = f"must be a printable text of 1 to {LONGEST_SESSION} characters"
        raise ConfigurationError(f"{attribute.name}: {at}, not {type(value).__name__}")


@frozen
class Deny:
    """The answer of a gate that refuses a request: 403 ``M_FORBIDDEN``.

    * ``rule``: the rule that the request breaks, in words for the client; 1 to 255 printable characters. It must not
      repeat the address.

    Raises ``ConfigurationError`` for another ``rule``.
    """

    rule: str = field(validator=_is_printable)


def _are_flows(_: object, attribute: Named, flows: Any) -> None:
    fit = isinstance(flows, Sequence) and not isinstance(flows, str | bytes) and len(flows) > 0
    if not fit or not all(isinstance(flow, Mapping) and _are_stages(flow.get("stages")) for flow in flows):
        raise ConfigurationError(f"{attribute.name}: must be one or more objects with stages, a list of names")


def _are_stages(stages: Any) -> bool:
    listed = isinstance(stages, Sequence) and not isinstance(stages, str | bytes) and len(stages) > 0
    return listed and all(isinstance(stage, str) and stage for stage in stages)


def _is_json(_: object, attribute: Named, params: Any) -> None:
    try:
        fits = isinstance(params, Mapping) and len(json.dumps(dict(params), allow_nan=False)) <= _MOST_BYTES
    except (TypeError, ValueError, RecursionError):
        fits = False
    if not fits:
        raise ConfigurationError(f"{attribute.name}: must be an object that JSON can hold, at most {_MOST_BYTES} bytes")


@frozen
class Challenge:
    """The answer of a gate that asks for something first, such as a captcha: 401 with these members.

    This is outside the specification, whose ``requestToken`` knows no user-interactive authentication; the members are
    those of https://spec.matrix.org/latest/client-server-api/#user-interactive-authentication-api, so that clients can
    use the code they have for it: they repeat the request with ``auth`` in its body.

    * ``flows``: one or more objects with ``stages``, each a list of names.
    * ``params``: an object that JSON can hold, of at most 65536 bytes, by the name of a stage. Default empty.
    * ``session``: the id of the gate's UIA session, 1 to 255 printable characters. Not in its ``repr``.

    Raises ``ConfigurationError`` for members of another form.
    """

    flows: Sequence[Mapping[str, object]] = field(validator=_are_flows)
    session: str = field(validator=_is_printable, repr=False)
    params: Mapping[str, object] = field(factory=dict, validator=_is_json)

    def state(self) -> dict[str, object]:
        """Return the body of the 401 response: ``flows``, ``params`` and ``session``."""
        flows = [{"stages": list(flow["stages"])} for flow in self.flows]  # type: ignore[call-overload]
        return {"flows": flows, "params": deepcopy(dict(self.params)), "session": self.session}


GateAnswer = Allow | Deny | Challenge
"""What a gate may answer."""
