"""All stories on the example, a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest
from example.serving import ROOT, Example

from matrix_threepid.__main__ import main
from matrix_threepid.testing.journeys import JOURNEYS, Parts, Surroundings
from matrix_threepid.testing.journeys.contract import JourneyContract

from .settings import settings_for


@pytest.fixture(scope="module")
def surroundings(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    """What is around a server with its database in a file."""
    folder = tmp_path_factory.mktemp("journeys")
    database = {"database": f"sqlite:///{folder / 'example.db'}"}
    with Example({**settings_for(parts), **database}, folder) as example:
        yield parts.around(example.url)
        assert (example.stop(), example.errors) == (0, "")


class TestExample(JourneyContract):
    """The example over ASGI leaves no story out."""

    left_out: ClassVar[tuple[str, ...]] = ()


def test_stories_have_names_and_sentences_of_their_own() -> None:
    """No two stories share a name, each is told in a sentence."""
    assert len({journey.name for journey in JOURNEYS}) == len(JOURNEYS) >= 25
    assert [journey.name for journey in JOURNEYS if not journey.story.endswith(".")] == []


def test_the_docs_list_them(capsys: pytest.CaptureFixture[str]) -> None:
    """The page shows what ``--list`` prints."""
    main(["journeys", "--list"])
    assert f"```text\n{capsys.readouterr().out}```\n" in (ROOT / "docs" / "journeys.md").read_text("utf-8")
