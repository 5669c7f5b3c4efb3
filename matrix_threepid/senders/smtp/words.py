"""The words of a mail, as ``texts.mails`` makes them."""

from __future__ import annotations

from ...texts.mails import Words, words_for

__all__ = ["Words", "words_for"]
