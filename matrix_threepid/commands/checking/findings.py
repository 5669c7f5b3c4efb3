"""The findings of a check, and the report made of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum
from itertools import starmap

from attrs import asdict, field, frozen

FINE, WRONG, UNUSABLE = 0, 1, 2
"""The exit codes of commands for operators. ``UNUSABLE``: the wiring or file cannot be read or built."""


class Kind(str, Enum):
    """What a finding means. The value is the heading that it is printed under."""

    FACT = ""
    WRONG = "wrong"
    OFF = "off"
    UNFIT = "not for production"
    SILENT = "left at a default that does nothing"
    CHOICE = "chosen other than the default"
    STRICTER = "could be stricter (Policy.hardened())"


@frozen
class Finding:
    """One finding.

    * ``kind``: what it means.
    * ``about``: the endpoint, port, setting or choice that it concerns.
    * ``text``: what was found.
    """

    kind: Kind
    about: str
    text: str


def _without_repeats(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))


@frozen
class Report:
    """All findings, in the order in which they were made."""

    findings: tuple[Finding, ...] = field(converter=_without_repeats)

    @property
    def text(self) -> str:
        """The report for people: facts first, then a heading for each kind."""
        return "\n".join(part for kind in Kind if (part := self._part(kind)))

    @property
    def json(self) -> str:
        """The report for machines."""
        return json.dumps([{**asdict(each), "kind": each.kind.name.lower()} for each in self.findings], indent=2) + "\n"

    def status(self, *, strict: bool) -> int:
        """Return 1 if something is wrong or, with ``strict``, not for production; else 0."""
        bad = {Kind.WRONG, Kind.UNFIT} if strict else {Kind.WRONG}
        return WRONG if any(each.kind in bad for each in self.findings) else FINE

    def _part(self, kind: Kind) -> str:
        found = [each for each in self.findings if each.kind is kind]
        if kind is Kind.FACT:
            return "".join(f"{each.about}: {each.text}\n" for each in found)
        said: dict[str, list[str]] = {}
        for each in found:
            said.setdefault(each.text, []).append(each.about)
        return "".join((f"{kind.value}:\n", *starmap(_said, said.items()))) if said else ""


def _said(text: str, abouts: list[str]) -> str:
    """Return one line for a finding, or one text with the things below it that it was found for."""
    if len(abouts) == 1:
        return f"  {abouts[0]}: {text}\n"
    return f"  {text}:\n" + "".join(f"    {about}\n" for about in abouts)
