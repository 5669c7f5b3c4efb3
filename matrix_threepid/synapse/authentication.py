"""``SynapseUia``: the port ``Uia`` over Synapse's own user-interactive authentication."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..ports import Caller
from ..protocol.errors import Forbidden
from ..protocol.members import Nested, member
from ..protocol.message import read
from ..protocol.rules import Text
from ..protocol.wire import Request
from .host import as_matrix_error, requester_of
from .private import Inside

if TYPE_CHECKING:
    from synapse.module_api import ModuleApi


def _text() -> Any:
    return member(Text(r"[\s\S]*", "must be a string"), optional=True, secret=True)


@frozen
class _Identifier:
    type: str | None = _text()
    user: str | None = _text()
    medium: str | None = _text()
    address: str | None = _text()
    country: str | None = _text()
    phone: str | None = _text()
    number: str | None = _text()


@frozen
class _Auth(_Identifier):
    session: str | None = _text()
    password: str | None = _text()
    identifier: _Identifier | None = member(Nested(_Identifier), optional=True)


@frozen
class _Body:
    """The members of ``auth`` that Synapse reads without checking their types."""

    auth: _Auth | None = member(Nested(_Auth), optional=True)


@frozen
class SynapseUia:
    """The port ``Uia`` over Synapse's own user-interactive authentication."""

    _api: ModuleApi = field(repr=False)
    _inside: Inside = field(repr=False)

    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        from synapse.module_api.errors import SynapseError

        requester = await requester_of(self._api, request)
        if not requester.access_token_id:
            raise Forbidden("An application service cannot authenticate as its users")
        read(_Body, body)
        try:
            await self._inside.authenticate(requester, request.native, _as_synapse_reads_it(body), action)
        except SynapseError as error:
            raise as_matrix_error(error) from None


def _as_synapse_reads_it(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body that holds only ``auth``, in a form that every version of Synapse reads.

    Members that are ``None`` are left out: they mean the same as absent ones, and some versions do not check for
    ``None``. A phone number is given as ``phone`` and as ``number``, since some versions read only the older name
    ``number``.
    """
    auth = _without_nulls(body.get("auth"))
    if auth is None:
        return {}
    identifier = auth.get("identifier")
    if identifier is not None and "phone" in identifier:
        auth["identifier"] = {"number": identifier["phone"], **identifier}
    return {"auth": auth}


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
