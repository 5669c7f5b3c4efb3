"""The text of an SMS: one sentence, and a last line that binds the code to the server's site.

The last line has the format of origin-bound one-time codes (https://wicg.github.io/sms-one-time-codes/): phones then
offer the code to that site only.
"""

from __future__ import annotations

from ..model.message import MessageKind, TokenMessage
from ..texts import wording
from ..texts.catalogue import Texts
from ..texts.plain import without_controls

# The default alphabet of GSM 03.38, now 3GPP TS 23.038, 6.2.1 (https://www.3gpp.org/dynareport/23038.htm).
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Its extension table: two septets each.
_GSM_TWICE = frozenset("\f^{}\\[~]|€")


def sms_text(texts: Texts, message: TokenMessage) -> str:
    """Return the text of an SMS with a code.

    * ``texts``: the sentences, by language.
    * ``message``: a message of the kind ``TOKEN`` with a code. Its language counts if there is a catalogue for it, else
      English does.

    The last line is an origin-bound one-time code, ``@example.org #123456``; with an empty ``message.host`` there is
    none. Of several wordings the first that fits one segment is taken, because each further segment is paid as an SMS
    of its own: brand, sentence and warning; without the brand; without the warning; the code alone, with and without
    the last line. Raises ``ValueError`` for a message without a code.
    """
    return next((text for text in wordings(texts, message) if segments(text) == 1), message.code or "")


def wordings(texts: Texts, message: TokenMessage) -> list[str]:
    """Return the texts that an SMS may have, the longest first. Raises ``ValueError`` for a message without a code."""
    if message.kind is not MessageKind.TOKEN or message.code is None:
        raise ValueError("an SMS holds a code, and this message has none")
    catalogue, code = texts.catalogue(message.language), message.code
    sentence = catalogue.fill(wording.SMS[message.purpose.value], {"code": code}) or code
    warned = f"{sentence} {catalogue.text(wording.SMS_WARNING)}"
    brand = without_controls(message.brand.name or message.server)
    last = f"\n\n@{message.host} #{code}" if message.host else ""
    branded = [f"{brand}: {warned}"] if brand else []
    return [f"{text}{last}" for text in (*branded, warned, sentence, code)] + [code]


def segments(text: str) -> int:
    """Return the number of SMS that a text is paid as.

    One SMS holds 160 characters of the GSM alphabet, or 70 UTF-16 units if any character is not in it. In a text of
    several, each has 153 or 67, since a header joins them
    (https://www.twilio.com/docs/glossary/what-sms-character-limit).

    >>> segments("x" * 160), segments("x" * 161), segments("ж" * 70), segments("ж" * 71)
    (1, 2, 1, 2)
    """
    if all(char in _GSM or char in _GSM_TWICE for char in text):
        length, one, more = len(text) + sum(char in _GSM_TWICE for char in text), 160, 153
    else:
        length, one, more = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= one else -(-length // more)  # rounded up
