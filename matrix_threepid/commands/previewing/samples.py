"""Messages and pages as people would get them under a policy, with sample values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...endpoints.page import host_values
from ...flows.request_token import proof_of
from ...model.media import MEDIA
from ...model.message import Change, MessageKind, TokenMessage
from ...model.threepid import Medium, Purpose
from ...roles.base import Role, submit_path
from ...roles.homeserver import Homeserver
from ...texts.mails import moment
from ...texts.pages import PAGES

_AT, _HOUR = 1_800_000_000_000, 3_600_000
_OTHER = "j***@example.net"
_DEVICE, _ORIGIN = "Firefox, Windows", "203.0.113.*"
_SID, _TOKEN = "b3pLr0cJ2fZq8Yd1XaTgkA", "Qm9vY1Z4c0p2N2tWbGhUUnk0eUdHd2FDM1lqTzFzZUQ"
_CIRCUMSTANCES = ("confirm", "refuse", "undo", "undo_mine")
_WITH_ADDRESS = (*_CIRCUMSTANCES, "invited", "uninvited", "new_mail", "new_mail_later", "new_mail_back")
_BY_PURPOSE = ("confirm", "refuse", "already", "confirmed")


def mails(role: Role, language: str) -> Iterator[tuple[str, TokenMessage]]:
    """Yield every mail of a language with its name: first those that prove an address, as the policy has them."""
    for purpose in Purpose:
        yield purpose.value, _message(role, Medium.EMAIL, language, purpose=purpose, **_proof(role, purpose))
    for kind in MessageKind:
        if kind not in (MessageKind.TOKEN, MessageKind.SILENCE):
            yield kind.value, _message(role, Medium.EMAIL, language, kind=kind, **_notice(role, kind))


def texts_by_phone(role: Role, language: str) -> Iterator[tuple[str, TokenMessage]]:
    """Yield every SMS of a language with its name."""
    lifetime = role.policy.lifetimes.code
    for purpose in Purpose:
        code = _code(role)
        yield (
            purpose.value,
            _message(role, Medium.MSISDN, language, purpose=purpose, code=code, lifetime=lifetime),
        )


def pages(role: Role) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield a name, the name of the page and its values, for every page and, where they differ, every purpose."""
    for page in PAGES:
        for purpose in Purpose if page in _BY_PURPOSE else (Purpose.ADD,):
            values = {**host_values(role), "purpose": purpose.value}
            if page in _CIRCUMSTANCES:
                values |= {"sid": _SID, "token": _TOKEN, "time": moment(_AT), "origin": _ORIGIN, "device": _DEVICE}
                values |= {"account": _account(role, purpose) or ""}
            if page in _WITH_ADDRESS:
                values |= {"address": "a***@example.org", "sid": _SID, "token": _TOKEN}
            if page == "new_mail_later":
                values |= {"wait": str(_HOUR // 3)}
            if page.startswith("undo"):
                values |= {"confirms": "yes", "secures": "yes"}
            yield f"{page}-{purpose.value}" if page in _BY_PURPOSE else page, page, values
    yield from _with_new_mail(role)
    on_the_way = {**host_values(role), "purpose": "add", "sid": _SID, "token": _TOKEN, "host": "app.example.org"}
    yield "confirm-next-link", "confirm", on_the_way


def _with_new_mail(role: Role) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield the pages of old links as they are while a request waits, and of one whose mails came back."""
    link = {**host_values(role), "purpose": "add", "address": "a***@example.org", "sid": _SID, "token": _TOKEN}
    yield "expired-new-mail", "expired", {**link, "again": "yes"}
    yield "already-used", "already", {**link, "used": "served"}
    yield "already-new-mail", "already", {**link, "used": "late", "again": "yes"}
    yield "confirm-came-back", "confirm", {**link, "came_back": "yes"}


def _message(role: Role, medium: Medium, language: str, **own: Any) -> TokenMessage:
    purpose = own.get("purpose", Purpose.ADD)
    usual: dict[str, Any] = {
        "medium": medium,
        "recipient": "447700900001" if MEDIA[medium].costs else "alex@example.org",
        "purpose": purpose,
        "kind": MessageKind.TOKEN,
        "account": _account(role, purpose),
        "server": role.server_name,
        "host": role.code_host,
        "language": language,
        "origin": _ORIGIN,
        "device": _DEVICE,
        "brand": role.policy.brand,
        "requested_at": _AT,
        "lifetime": role.policy.lifetimes.token,
        "deadline": role.policy.send_deadline,
    }
    return TokenMessage(**{**usual, **own})


def _notice(role: Role, kind: MessageKind) -> dict[str, Any]:
    """Return what a notice has and other messages have not; nothing for another kind."""
    if kind is MessageKind.INVITATION:
        return _invitation(role)
    if kind is MessageKind.UNKNOWN_ADDRESS:
        return {"account": None, "purpose": Purpose.PASSWORD}
    if not kind.notice:
        return {}
    told: dict[str, Any] = {"concerns": _OTHER, "lifetime": 0, "origin": "", "device": ""}
    if kind is not MessageKind.CHANGED:
        return told
    changes = (Change(MessageKind.ADDED, _OTHER, _AT), Change(MessageKind.PASSWORD_CHANGED, _OTHER, _AT + _HOUR))
    return {**told, "concerns": "", "changes": changes, "link": _link(role), "lifetime": 72 * _HOUR}


def _invitation(role: Role) -> dict[str, Any]:
    client = role.policy.invitations.web_client or "https://app.example.org"
    return {
        "account": None,
        "origin": "",
        "device": "",
        "purpose": Purpose.BIND,
        "inviter": "Kim (kim:example.org)",
        "room": "Sunday walk",
        "link": f"{client}/#/room/!kD3bFvQqRnGsWzXy:example.org",
        "stop_link": _link(role).replace("/email/", "/invitations/"),
        "lifetime": role.policy.invitations.days * 24 * _HOUR,
    }


def _link(role: Role) -> str:
    base = role.policy.public_base_url or f"https://{role.server_name}"
    path = f"{Homeserver.prefix}{Homeserver.submit_version}{submit_path(Medium.EMAIL)}"
    return f"{base}{path}?sid={_SID}&token={_TOKEN}"


def _proof(role: Role, purpose: Purpose) -> dict[str, Any]:
    lifetimes = role.policy.lifetimes
    proof = proof_of(role.policy, Medium.EMAIL, purpose)
    return {
        "link": None if proof == "code" else _link(role),
        "code": None if proof == "link" else _code(role),
        "lifetime": lifetimes.code if proof == "code" else lifetimes.token,
        "code_lifetime": lifetimes.code if proof == "both" else None,
    }


def _code(role: Role) -> str:
    return "4029135786"[: role.policy.code_digits]


def _account(role: Role, purpose: Purpose) -> str | None:
    """Return whom a request concerns: there is no account yet for a registration."""
    return None if purpose is Purpose.REGISTER else f"@alex:{role.server_name}"
