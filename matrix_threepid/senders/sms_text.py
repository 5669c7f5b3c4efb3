"""The text of an SMS: one sentence, and a last line that binds the code to the server's site.

The last line has the format of origin-bound one-time codes (https://wicg.github.io/sms-one-time-codes/): phones then
offer the code to that site only.
"""

from __future__ import annotations

import re

from ..model.message import MessageKind, TokenMessage
from ..texts.catalogue import Texts

# The default alphabet of GSM 03.38, now 3GPP TS 23.038, 6.2.1 (https://www.3gpp.org/dynareport/23038.htm).
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Its extension table: two septets each.
_GSM_TWICE = frozenset("\f^{}\\[~]|€")
_LANGUAGE = re.compile(r"[A-Za-z0-9-]{1,35}")


def sms_text(texts: Texts, message: TokenMessage) -> str:
    """Return the text of an SMS with a code.

    * ``texts``: the wordings, by language.
    * ``message``: a message of the kind ``TOKEN`` with a code. Its language counts if there are wordings for it, else
      English does.

    The last line is an origin-bound one-time code, ``@example.org #123456``; with an empty ``message.host`` there is
    none. The first of the long wording, the short wording, the last line with the code above it and the code alone that
    fits one segment is taken, because each further segment is paid as an SMS of its own. Raises ``ValueError`` for a
    message without a code.
    """
    if message.kind is not MessageKind.TOKEN or message.code is None:
        raise ValueError("an SMS holds a code, and this message has none")
    # A client chooses the language, and it becomes part of a file's name.
    language = message.language if _LANGUAGE.fullmatch(message.language) else "en"
    values = {"code": message.code, "server": message.server, "minutes": str(max(1, message.lifetime // 60_000))}
    lines = (message.purpose.value, "short")
    wordings = [" ".join(texts.filled(language, values, "sms", line)) for line in lines]
    last = f"\n\n@{message.host} #{message.code}" if message.host else ""
    choices = [f"{text}{last}" for text in (*wordings, message.code)] + [message.code]
    return next((text for text in choices if segments(text) == 1), message.code)


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
