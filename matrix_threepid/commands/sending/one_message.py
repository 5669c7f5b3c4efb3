"""A test message to an operator's own address, and its outcome in words."""

from __future__ import annotations

import secrets

from ...model.media import MEDIA
from ...model.message import Accepted, MessageKind, Outcome, RefusedForever, RefusedForNow, TokenMessage
from ...model.threepid import Medium, Purpose
from ...ports import TokenSender
from ...roles.base import Role, submit_path
from ...roles.homeserver import Homeserver
from ...senders import sms_text
from ...senders.smtp.words import words_for
from ...texts.catalogue import Texts


def message_to(role: Role, medium: Medium, recipient: str) -> TokenMessage:
    """Return a message as users receive it. Its link and code belong to no session."""
    policy, base = role.policy, role.policy.public_base_url
    mail = not MEDIA[medium].by_code and base is not None
    linked, coded = mail and policy.mail_proof != "code", not mail or policy.mail_proof != "link"
    page = f"{Homeserver.prefix}{Homeserver.submit_version}{submit_path(medium)}?sid=test"
    code = str(secrets.randbelow(10**policy.code_digits)).zfill(policy.code_digits)
    return TokenMessage(
        medium=medium,
        recipient=recipient,
        purpose=Purpose.BIND,
        kind=MessageKind.TOKEN,
        link=f"{base}{page}" if linked else None,
        code=code if coded else None,
        server=role.server_name,
        host=role.code_host,
        language=policy.languages[0],
        brand=policy.brand,
        origin="a test by the operator of this server",
        requested_at=role.clock(),
        lifetime=policy.lifetimes.token if linked else policy.lifetimes.code,
        deadline=policy.send_deadline,
        code_lifetime=policy.lifetimes.code,
    )


def text_of(sender: TokenSender, message: TokenMessage) -> str:
    """Return the text that a sender would send: subject and text of a mail, or an SMS."""
    texts = getattr(sender, "texts", None) or Texts()
    if MEDIA[message.medium].by_code:
        return sms_text(texts, message)
    words = words_for(texts, message, message.server)
    return f"{words.subject}\n\n{words.text(texts)}"


def in_words(outcome: Outcome) -> str:
    """Return the outcome of a message in words, with the provider's reason."""
    if isinstance(outcome, Accepted):
        return f"accepted: {outcome.provider_id}" if outcome.provider_id else "accepted"
    if isinstance(outcome, RefusedForever):
        return f"refused for ever: {outcome.reason}"
    if isinstance(outcome, RefusedForNow):
        wait = f"; again in {outcome.retry_after // 1000} s" if outcome.retry_after else ""
        return f"refused for now: {outcome.reason}{wait}"
    return f"unknown, it may have been sent: {outcome.reason}"
