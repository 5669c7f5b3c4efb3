"""The stories as a contract for pytest: inherit one class, give one fixture."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

import pytest

from . import JOURNEYS, Journey, Surroundings, run


class JourneyContract:
    """Every story, as a test of its own.

    Give a fixture ``surroundings`` for the module (stories share one server): it opens the parts, starts the server
    configured for them, and yields ``parts.around(base_url)``. ``left_out``: names of stories that are no aim of this
    server; ``spec_only``: leave out those that ask for more than the specification does.
    """

    left_out: ClassVar[Collection[str]] = ()
    spec_only: ClassVar[bool] = False

    @pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.name)
    def test_journey(self, journey: Journey, surroundings: Surroundings) -> None:
        """The story goes well from the first step to the last."""
        if journey.name in self.left_out or (self.spec_only and journey.promise):
            pytest.skip("left out")
        (result,) = run([journey], surroundings)
        if result.outcome == "skipped":
            pytest.skip(result.why)
        assert result.outcome == "ok", f"{journey.story} {result.why}"
