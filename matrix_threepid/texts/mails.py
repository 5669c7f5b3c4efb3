"""The words of a mail: sentences from a catalogue, put into the layouts ``mail.txt`` and ``mail.html``."""

from __future__ import annotations

from datetime import datetime, timezone

import attrs
from attrs import field, frozen

from ..model.message import Change, MessageKind, TokenMessage
from ..protocol.members import redacted
from . import wording
from .catalogue import Catalogue, Texts
from .plain import without_controls

_HOUR, _MINUTE = 3_600_000, 60_000
_DASH = " \u2013 "
_BUTTONS = {
    MessageKind.CHANGED: (wording.UNDO, wording.UNDO_ALONE),
    MessageKind.INVITATION: (wording.SEE, wording.SEE_ALONE),
}
"""The label of the button, and the sentence above the link alone, of messages whose link proves no address."""


@frozen(kw_only=True)
class Words:
    """The words of one mail, in its language; not escaped. A layout may use each by the name of its field.

    * ``language``, ``direction``, ``start``: the language tag; ``ltr`` or ``rtl``; ``left`` or ``right``, where a line
      starts.
    * ``subject``, ``title``: the subject, and the heading.
    * ``preheader``: the line that mailboxes show beside the subject.
    * ``brand``, ``logo``, ``server``: name of the host, URL of its image (empty for none), name of the server.
    * ``greeting``, ``lines``: the sentences above the button.
    * ``button``, ``link_below``, ``link_alone``: label of the button; the sentence above the link below it; the one
      above a link without a button.
    * ``code_line``: the sentence above the code.
    * ``link``, ``code``: what proves the address; empty where the mail has none.
    * ``valid``: how long link and code work.
    * ``details``: who asked, or what was changed: pairs of a label and a value.
    * ``labels_above``: whether these labels are whole sentences, which stand above their values.
    * ``closing``: what to do if it was somebody else.
    * ``stop_line``, ``stop``: in an invitation, the sentence above the link that stops invitations, and its URL; else
      empty.
    * ``help``, ``support``, ``support_link``: where people get help: question, address, URL; the last two may be empty.
    """

    language: str
    direction: str
    start: str
    subject: str
    title: str
    preheader: str
    brand: str
    logo: str
    server: str
    greeting: str
    lines: list[str]
    button: str
    link_below: str
    link_alone: str
    code_line: str
    link: str = field(repr=redacted)
    code: str = field(repr=redacted)
    valid: list[str]
    details: list[tuple[str, str]]
    labels_above: bool
    closing: list[str]
    help: str
    support: str
    support_link: str
    stop_line: str
    stop: str = field(repr=redacted)

    def text(self, texts: Texts) -> str:
        """Return the text part; a link or code stands alone on its line, so that no program takes more for it.

        Raises ``CannotRender``.
        """
        return texts.layouts.render("mail.txt", self._values).strip() + "\n"

    def html(self, texts: Texts) -> str:
        """Return the HTML part, in which every value is escaped (SEC-16). Raises ``CannotRender``."""
        return texts.layouts.render("mail.html", self._values)

    @property
    def _values(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in _FIELDS}


_FIELDS = tuple(each.name for each in attrs.fields(Words))


def words_for(texts: Texts, message: TokenMessage, server_name: str) -> Words:
    """Return the words of a message.

    * ``texts``: the catalogues.
    * ``message``: the message. Its language counts if there is a catalogue for it, else English does.
    * ``server_name``: the name of the server as the mail shows it.

    Raises ``ValueError`` for a message that is never sent.
    """
    if message.kind is MessageKind.SILENCE:
        raise ValueError("a message of this kind is not sent")
    catalogue = texts.catalogue(message.language)
    proof = message.kind is MessageKind.TOKEN
    entry = message.purpose.value if proof else message.kind.value
    values = {"server": server_name}
    title = catalogue.text(wording.TITLES[entry])
    undo = message.kind is MessageKind.CHANGED
    button, link_alone = _BUTTONS.get(message.kind, (wording.BUTTON, wording.LINK_ALONE))
    valid = valid_for(catalogue, message) if proof or undo else []
    lines = catalogue.fill_all((wording.LEADS[entry], *filter(None, (wording.ADVICE.get(entry),))), values)
    return Words(
        language=catalogue.tag,
        direction=catalogue.direction,
        start="right" if catalogue.direction == "rtl" else "left",
        subject=f"{title}{_DASH}{server_name}",
        title=title,
        preheader=" ".join(valid or lines),
        brand=message.brand.name or server_name,
        logo=message.brand.logo or "",
        server=server_name,
        greeting=catalogue.text(wording.GREETING),
        lines=lines,
        button=catalogue.text(button),
        link_below=catalogue.text(wording.LINK_BELOW),
        link_alone=catalogue.text(link_alone),
        code_line=catalogue.text(wording.CODE_TOO if message.link else wording.CODE),
        link=message.link or "",
        code=message.code or "",
        valid=valid,
        details=_details(catalogue, message),
        labels_above=bool(message.changes),
        closing=[catalogue.text(wording.NOT_YOU[message.kind.value])],
        help=catalogue.text(wording.HELP),
        support=message.brand.support or "",
        support_link=message.brand.support_link,
        stop_line=catalogue.text(wording.STOP_INVITING) if message.stop_link else "",
        stop=message.stop_link or "",
    )


def valid_for(catalogue: Catalogue, message: TokenMessage) -> list[str]:
    """Return the sentences that say how long the link and the code of a message work."""
    of_code = message.lifetime if message.code_lifetime is None else message.code_lifetime
    proofs = ((message.link, wording.LINK_VALID, message.lifetime), (message.code, wording.CODE_VALID, of_code))
    filled = (
        catalogue.fill(sentence, {"time": duration(catalogue, lifetime)})
        for proof, sentence, lifetime in proofs
        if proof is not None
    )
    return [sentence for sentence in filled if sentence is not None]


def duration(catalogue: Catalogue, lifetime: int) -> str:
    """Return a time in ms in words, in minutes or in whole hours."""
    if lifetime >= 2 * _HOUR and lifetime % _HOUR == 0:
        return catalogue.count(wording.HOURS, lifetime // _HOUR)
    return catalogue.count(wording.MINUTES, max(1, lifetime // _MINUTE))


def in_full(wait: int) -> int:
    """Return a time in ms rounded up to what ``duration`` says in words: full minutes, past two hours full hours."""
    unit = _HOUR if wait > 2 * _HOUR else _MINUTE
    return -(-wait // unit) * unit


def details(catalogue: Catalogue, values: dict[str, str]) -> list[tuple[str, str]]:
    """Return the circumstances that are known as pairs of a label and a value.

    * ``values``: by the names in ``wording.LABELS``.
    """
    return [
        (catalogue.text(label), catalogue.isolate(without_controls(values[name])))
        for name, label in wording.LABELS.items()
        if values.get(name)
    ]


def moment(ms: int) -> str:
    """Return a time as mails and pages show it: in UTC, since nobody knows the zone of the reader.

    >>> moment(1_700_000_000_000)
    '2023-11-14 22:13 UTC'
    """
    return f"{datetime.fromtimestamp(ms / 1000, timezone.utc):%Y-%m-%d %H:%M} UTC"


def _details(catalogue: Catalogue, message: TokenMessage) -> list[tuple[str, str]]:
    if message.changes:
        account = details(catalogue, {"account": message.account or ""})
        return [*account, *(_change(catalogue, each) for each in message.changes)]
    return details(
        catalogue,
        {
            "inviter": message.inviter,
            "room": message.room,
            "account": message.account or "",
            "address": message.concerns,
            "time": moment(message.requested_at),
            "device": message.device,
            "origin": message.origin,
        },
    )


def _change(catalogue: Catalogue, change: Change) -> tuple[str, str]:
    """Return what happened, and to which address and when."""
    shown = f"{change.concerns}{_DASH}{moment(change.at)}" if change.concerns else moment(change.at)
    return catalogue.text(wording.TITLES[change.kind.value]), catalogue.isolate(without_controls(shown))
