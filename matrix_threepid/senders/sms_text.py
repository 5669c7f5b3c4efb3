"""What an SMS says: one sentence, and a last line that lets phones offer the code to the right site only."""

from __future__ import annotations

import re

from ..model.message import MessageKind, TokenMessage
from ..texts.catalogue import Texts

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("\f^{}\\[~]|€")
_LANGUAGE = re.compile(r"[A-Za-z0-9-]{1,35}")


def sms_text(texts: Texts, told: TokenMessage) -> str:
    """Return the text of an SMS with a code, in its language or in English; in one segment, if any wording fits one.

    The last line is an origin-bound one-time code, ``@example.org #123456``. Raises ``ValueError`` without a code.
    """
    if told.kind is not MessageKind.TOKEN or told.code is None:
        raise ValueError("an SMS holds a code, and this message has none")
    language = told.language if _LANGUAGE.fullmatch(told.language) else "en"
    values = {"code": told.code, "server": told.server, "minutes": str(max(1, told.lifetime // 60_000))}
    lines = (told.purpose.value, "short")
    wordings = [" ".join(texts.filled(language, values, "sms", line)) for line in lines]
    last = f"@{told.host} #{told.code}"
    written = [f"{wording}\n\n{last}" for wording in wordings] + [f"{told.code}\n\n{last}", told.code]
    return next((text for text in written if segments(text) == 1), told.code)


def segments(text: str) -> int:
    """Return how many SMS a text is paid as: 160 characters of GSM 03.38 fit one, 70 of any other script."""
    if all(char in _GSM or char in _GSM_TWICE for char in text):
        length, one, more = len(text) + sum(char in _GSM_TWICE for char in text), 160, 153
    else:
        length, one, more = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= one else -(-length // more)
