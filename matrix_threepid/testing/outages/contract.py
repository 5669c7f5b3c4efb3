"""Outages as a contract for pytest: inherit one class, give one fixture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from .faults import SINGLES, Outage
from .run import MakePorts, OutageFailed, Outages


class OutagesContract:
    """Whatever fails for a minute, what needs nothing of it goes on, and nothing is lost.

    Give a fixture ``make_ports`` that returns a function without parameters. It makes new, empty ports under the names
    that ``Homeserver`` has for them: ``lambda: {"sessions": MySessions(), "accounts": MyAccounts()}``. They may wait by
    asyncio, whose time passes at once, but not for threads.

    * ``outages``: what fails; every part with every fault by default.
    * ``policy``: choices that replace the defaults, by name.
    * ``people``: how many people there are.
    """

    outages: ClassVar[Sequence[Outage]] = SINGLES
    policy: ClassVar[Mapping[str, Any]] = {}
    people: ClassVar[int] = 54

    def test_an_outage_holds_nothing_else_up(self, make_ports: MakePorts) -> None:
        """Everything is answered in time and never with 500, what is promised is kept, and all of it gets done."""
        town, broken = Outages(make_ports, self.policy, people=self.people), list[str]()
        for outage in self.outages:
            try:
                town.run(outage)
            except OutageFailed as failed:  # noqa: PERF203  all of them are shown
                broken.append(str(failed))
        assert not broken, "\n\n".join(broken)
