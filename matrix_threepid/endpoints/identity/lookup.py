"""Look-up of users by their addresses.

See https://spec.matrix.org/latest/identity-service-api/#association-lookup and
MSC2134, https://github.com/matrix-org/matrix-spec-proposals/pull/2134.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from ...flows.lookup import charge_lookup, found, peppers_of
from ...model.call import Call
from ...model.keys import same
from ...model.media import MEDIA
from ...model.threepid import Medium, Threepid
from ...protocol.endpoint import Access, Endpoint, endpoint
from ...protocol.errors import InvalidParam, InvalidPepper, LimitExceeded, TermsNotSigned
from ...protocol.history import IdentityHistory
from ...protocol.members import member, text
from ...protocol.rules import AnyText, ListOf
from ...roles.identity_server import IdentityServer

_HASH_LENGTH = 43
_MOST = 1000
_LONGEST = 512
_V2 = IdentityHistory(v2="r0.3.0")


@frozen(kw_only=True)
class HashDetails:
    """How clients hash addresses: the pepper of today, and the algorithms."""

    lookup_pepper: str
    algorithms: list[str]


@frozen(kw_only=True)
class LookUp:
    """Addresses to look up.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2lookup.
    """

    addresses: tuple[str, ...] = member(
        ListOf(AnyText()), secret=True, doc="hashes, or for `none` address and medium with a blank between"
    )
    algorithm: str = text(64, doc="how they are hashed")
    pepper: str = text(255, doc="the pepper in the hashes, as `hash_details` told it")


@frozen(kw_only=True)
class Mappings:
    """The user ids of the addresses that are published, by what the request named them."""

    mappings: dict[str, str]


@endpoint("GET", "/hash_details", _V2, reply=HashDetails, access=Access.USER, errors=(TermsNotSigned,))
async def hash_details(role: IdentityServer, call: Call, message: None) -> HashDetails:
    """Tell how addresses are hashed.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2hash_details.
    """
    newest = (await peppers_of(role))[0]
    return HashDetails(lookup_pepper=newest.text, algorithms=list(role.policy.lookup.algorithms))


@endpoint(
    "POST",
    "/lookup",
    _V2,
    request=LookUp,
    reply=Mappings,
    access=Access.USER,
    errors=(InvalidPepper, TermsNotSigned, LimitExceeded),
)
async def look_up(role: IdentityServer, call: Call, message: LookUp) -> Mappings:
    """Return the users of those addresses that are published.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2lookup.
    """
    rules, addresses = role.policy.lookup, dict.fromkeys(message.addresses)
    if message.algorithm not in rules.algorithms:
        raise InvalidParam(f"algorithm: must be one of: {', '.join(rules.algorithms)}")
    if len(message.addresses) > _MOST:
        raise InvalidParam(f"addresses: must be a list of at most {_MOST}")
    peppers = await peppers_of(role)
    pepper = next((each for each in peppers if same(each.text, message.pepper)), None)
    # Without hashes the pepper has no meaning, and clients send any.
    if pepper is None and message.algorithm != "none":
        raise InvalidPepper(algorithm="sha256", lookup_pepper=peppers[0].text)
    await charge_lookup(role, call, len(addresses))
    if pepper is not None and message.algorithm == "sha256":
        hashes = [each for each in addresses if len(each) == _HASH_LENGTH]
        return Mappings(mappings=dict(await found(role, pepper, hashes)))
    return Mappings(mappings=await _plain(role, list(addresses)))


async def _plain(role: IdentityServer, addresses: Sequence[str]) -> dict[str, str]:
    named = dict(_named(role, addresses))
    stored = await role.associations.get_many(list(dict.fromkeys(named.values()))) if named else ()
    users = {each.threepid: each.mxid for each in stored}
    return {written: users[threepid] for written, threepid in named.items() if threepid in users}


def _named(role: IdentityServer, addresses: Sequence[str]) -> Iterator[tuple[str, Threepid]]:
    """Yield the addresses that are any, in canonical form."""
    for written in addresses:
        address, _, medium = written.rpartition(" ")
        if medium in list(Medium) and len(address) <= _LONGEST:
            try:
                yield written, MEDIA[Medium(medium)].read(address, role.policy)
            except InvalidParam:
                continue


ENDPOINTS: tuple[Endpoint, ...] = (hash_details, look_up)
