"""The journeys as a contract for pytest: inherit one class, give one fixture."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

import pytest

from . import JOURNEYS, Journey, Surroundings, run


class JourneyContract:
    """Every journey as a test of its own.

    * ``surroundings`` (fixture for the module, since journeys share one server): opens the parts, starts the server
      that is configured for them, and yields ``parts.around(base_url)``.
    * ``left_out``: names of journeys that this server need not pass.
    * ``spec_only``: leave out journeys that demand more than the specification.
    """

    left_out: ClassVar[Collection[str]] = ()
    spec_only: ClassVar[bool] = False

    @pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.name)
    def test_journey(self, journey: Journey, surroundings: Surroundings) -> None:
        """The journey passes from its first step to its last."""
        if journey.name in self.left_out or (self.spec_only and journey.promise):
            pytest.skip("left out")
        (result,) = run([journey], surroundings)
        if result.outcome == "skipped":
            pytest.skip(result.why)
        assert result.outcome == "ok", f"{journey.story} {result.why}"
