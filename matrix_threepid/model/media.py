"""One row for each medium: everything the library has to know about it.

To add a medium, add a member to ``Medium`` and its row here. mypy refuses a member without a row (``row_of`` returns
nothing for it), and so does the import of this module. Nothing else asks which medium it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NoReturn, Protocol, TypedDict

from attrs import frozen

from ..protocol.errors import (
    DestinationRejected,
    EmailSendError,
    InvalidAddress,
    InvalidEmail,
    MatrixError,
    SendError,
    ThreepidDenied,
)
from .email import EmailMembers, read_email
from .msisdn import PhoneMembers, canonical_msisdn, check_countries, international, read_number
from .threepid import Candidate, Medium, Threepid


class _Destinations(Protocol):
    """The countries messages may go to, as ``SmsRules`` has them."""

    @property
    def countries(self) -> Collection[str]: ...


class AddressPolicy(Protocol):
    """The choices of a host that decide which addresses are taken; ``Policy`` has them."""

    @property
    def intranet_domains(self) -> Collection[str]: ...
    @property
    def password_reset_by_phone(self) -> bool: ...
    @property
    def sms(self) -> _Destinations: ...


class AddressMembers(Protocol):
    """The members of a request that name an address of one medium."""

    def candidate(self, policy: AddressPolicy) -> Candidate:
        """Return the address that the members name. Raises ``InvalidParam`` with the name of the member."""


class MediumReply(TypedDict, total=False):
    """The members that a medium adds to the answer of a ``requestToken``.

    * ``success``: always ``True``, as the first drafts have it.
    * ``msisdn``: the number in digits.
    * ``intl_fmt``: the number as people write it for callers from abroad.
    """

    success: bool
    msisdn: str
    intl_fmt: str


@frozen(kw_only=True)
class MediumRow:
    """What the library knows about one medium.

    * ``medium``: the member of ``Medium``.
    * ``members``: class with the request members that name an address, such as ``email``.
    * ``asks``: a sentence about the request, for the docs and OpenAPI.
    * ``read``: returns the canonical address of one written in full, such as the ``address`` of a deletion; raises
      ``InvalidParam``.
    * ``reply``: returns the members that a ``requestToken`` answers besides ``sid``; ``None`` for no more.
    * ``by_code``: whether messages hold a code to type (else a link), unless the policy says otherwise.
    * ``resendable``: whether a message may go out twice after a crash: a second mail costs nothing, a second SMS does.
    * ``costs``: whether each message costs money, so that ``Policy.sms`` says where and how many may go.
    * ``notices``: whether notices about changes of an account are sent by it (SEC-56).
    * ``off``: returns why a policy switches the medium off, or ``None``; without it the medium is on wherever it has a
      sender.
    * ``check``: raises ``ConfigurationError`` for choices that matter once the medium has a sender; ``None``: none.
    * ``resets``: returns whether a policy lets passwords be reset by it; without it they may.
    * ``needs``: package without which its addresses cannot be read; an extra called ``phone`` installs it.
    * ``stage``: its stage of user-interactive authentication.
    * ``region``: returns what an address shares with those that are reached in the same way, such as its domain.
    * ``since``: the release of the client-server API whose ``requestToken`` has it first.
    * ``login_type``: the ``type`` of login identifiers that name it by parts; ``login`` reads such an identifier and
      returns the address, or ``None`` if members are missing. Raises ``InvalidParam``.
    * ``invalid``, ``unsent``, ``rejected``: the identity API's errors for an address that is not valid, a message that
      could not be sent, and an address that gets no messages here.
    """

    medium: Medium
    members: type[AddressMembers]
    asks: str
    read: Callable[[str, AddressPolicy], Threepid]
    reply: Callable[[Threepid], MediumReply] | None = None
    by_code: bool
    resendable: bool
    costs: bool
    notices: bool
    off: Callable[[AddressPolicy], str | None] | None = None
    check: Callable[[AddressPolicy], None] | None = None
    resets: Callable[[AddressPolicy], bool] | None = None
    needs: str | None = None
    stage: str
    region: Callable[[str], str]
    since: str
    login_type: str | None = None
    login: Callable[[Mapping[str, object]], Threepid | None] | None = None
    invalid: type[MatrixError]
    unsent: type[MatrixError]
    rejected: type[MatrixError]


_REGION_DIGITS = 6
"""The first digits of a number that numbers of one network share: the country code, and those of the network."""


def _reply_number(threepid: Threepid) -> MediumReply:
    number = threepid.address
    return {"success": True, "msisdn": number, "intl_fmt": international(number)}


def _login_number(identifier: Mapping[str, object]) -> Threepid | None:
    # r0.3.0 to r0.6.1 call the member "number" in an example, the text and later releases "phone".
    # The country may be left out, since an international number needs none.
    country, number = identifier.get("country", ""), identifier.get("phone", identifier.get("number"))
    if not isinstance(country, str) or not isinstance(number, str):
        return None
    return canonical_msisdn(country, number).threepid


_EMAIL = MediumRow(
    medium=Medium.EMAIL,
    members=EmailMembers,
    asks="Ask for a mail that lets its reader prove the address.",
    read=read_email,
    by_code=False,
    resendable=True,
    costs=False,
    notices=True,
    stage="m.login.email.identity",
    region=lambda address: address.rpartition("@")[2],
    since="r0.2.0",
    invalid=InvalidEmail,
    unsent=EmailSendError,
    rejected=ThreepidDenied,
)
_MSISDN = MediumRow(
    medium=Medium.MSISDN,
    members=PhoneMembers,
    asks="Ask for an SMS with a code that lets its reader prove the number.",
    read=read_number,
    reply=_reply_number,
    by_code=True,
    resendable=False,
    costs=True,
    notices=False,
    # Without a list of countries no SMS is sent at all (SEC-33).
    off=lambda policy: None if policy.sms.countries else "policy.sms.countries names none",
    check=lambda policy: check_countries(policy.sms.countries),
    # Numbers are given to other people after a while (SEC-46).
    resets=lambda policy: policy.password_reset_by_phone,
    needs="phonenumbers",
    stage="m.login.msisdn",
    region=lambda number: number[:_REGION_DIGITS],
    since="r0.4.0",
    login_type="m.id.phone",
    login=_login_number,
    invalid=InvalidAddress,
    unsent=SendError,
    rejected=DestinationRejected,
)


# ``typing.assert_never`` needs Python 3.11. A type checker that finds a medium not handled above reports the call.
def _assert_never(medium: NoReturn, /) -> NoReturn:
    raise NotImplementedError(f"{medium!r} has no row in matrix_threepid.model.media")


def row_of(medium: Medium) -> MediumRow:
    """Return the row of a medium."""
    if medium is Medium.EMAIL:
        return _EMAIL
    if medium is Medium.MSISDN:
        return _MSISDN
    _assert_never(medium)


MEDIA: Mapping[Medium, MediumRow] = {medium: row_of(medium) for medium in Medium}
"""The table, by medium."""
MEDIUM_OF_STAGE: Mapping[str, Medium] = {row.stage: medium for medium, row in MEDIA.items()}
"""The stages of user-interactive authentication, and the medium each proves."""
