"""The journeys need the examples, and the parts around them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))  # at the end: an installed matrix_threepid comes first

from matrix_threepid.testing.journeys import Parts, open_surroundings


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    """A mail server, a text message provider, an identity server."""
    with open_surroundings() as parts:
        yield parts
