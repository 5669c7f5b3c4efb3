"""Language tags: the offered language that fits a wish, and the direction in which a language is written.

See https://www.rfc-editor.org/rfc/rfc5646 (tags) and https://www.rfc-editor.org/rfc/rfc4647#section-3.4 (look-up).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
"""What a language tag looks like."""
_RIGHT_TO_LEFT = frozenset(["ar", "arc", "ckb", "dv", "fa", "he", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"])
_RIGHT_TO_LEFT_SCRIPTS = frozenset(("adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"))
# Tags that name the same language as another one: deprecated tags, and Norwegian, whose tag for both forms browsers
# still send. Chinese is written in two scripts, and the region says in which.
_SAME = {"iw": "he", "in": "id", "ji": "yi", "no": "nb", "nn": "nb", "nb": "no"}
_TRADITIONAL = frozenset(("hk", "mo", "tw"))
_MAX_SUBTAGS = 5


def look_up(wish: str, offered: Sequence[str]) -> str | None:
    """Return the offered tag that fits a wish best; ``None`` if none does.

    * ``wish``: a language tag in any case. It is shortened from its end until an offered tag equals it.
    * ``offered``: tags in any case. If none equals the shortened wish, the first with the same language is taken.

    >>> look_up("de-AT", ["en", "de"]), look_up("zh-TW", ["zh-Hans", "zh-Hant"]), look_up("pt", ["en", "pt-BR"])
    ('de', 'zh-Hant', 'pt-BR')
    """
    by_tag = {tag.lower(): tag for tag in reversed(offered)}
    wished = wish.lower()
    for tag in _ranges(wished):
        if tag in by_tag:
            return by_tag[tag]
    languages = {wished.partition("-")[0], _SAME.get(wished.partition("-")[0], "")}
    return next((tag for tag in offered if tag.lower().partition("-")[0] in languages), None)


def direction(tag: str) -> str:
    """Return ``rtl`` for a language that is written from right to left, else ``ltr``.

    >>> direction("he"), direction("az-Arab"), direction("en")
    ('rtl', 'rtl', 'ltr')
    """
    language, *others = tag.lower().split("-")
    scripts = [subtag for subtag in others if len(subtag) == 4 and subtag.isalpha()]
    if scripts:
        return "rtl" if scripts[0] in _RIGHT_TO_LEFT_SCRIPTS else "ltr"
    return "rtl" if language in _RIGHT_TO_LEFT else "ltr"


def _ranges(wished: str) -> Iterator[str]:
    """Return a wish and what it is shortened to, the most exact first."""
    subtags = wished.split("-")[:_MAX_SUBTAGS]
    yield from _shortened(subtags[:], until=2)
    if subtags[0] == "zh" and not {"hans", "hant"} & set(subtags):
        yield "zh-hant" if _TRADITIONAL & set(subtags) else "zh-hans"
    yield subtags[0]
    if subtags[0] in _SAME:
        yield _SAME[subtags[0]]


def _shortened(subtags: list[str], until: int) -> Iterator[str]:
    while len(subtags) >= until:
        yield "-".join(subtags)
        subtags.pop()
        # A single letter announces what follows it, so it goes with it (RFC 4647, 3.4).
        while subtags and len(subtags[-1]) == 1:
            subtags.pop()
