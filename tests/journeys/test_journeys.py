"""All stories on the example, a process of its own: as it is, and mounted in the ways that frameworks mount."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from example.serving import FRAMEWORKS, ROOT, Example, Framework

from matrix_threepid.__main__ import main
from matrix_threepid.testing.journeys import JOURNEYS, Journey, Parts, Surroundings, run
from matrix_threepid.testing.journeys.contract import JourneyContract

from .settings import settings_for

WAYS = [name for name in FRAMEWORKS if name != "fastapi"]
"""FastAPI mounts as Starlette, which it extends."""
STEP = 1 if "MATRIX_THREEPID_PROOF" in os.environ else len(WAYS)
"""How many ways share the stories: a way may change how requests and answers pass, and not what they mean."""
CODES = ("add-an-address-by-code", "a-code-may-be-pasted")
"""Stories for servers whose mails hold codes."""
LINKS = ("next-link-is-gone-to", "opening-a-link-proves-nothing", "a-wrong-token-proves-nothing")
"""Stories for servers whose mails hold links, which the example's do."""
BY_LINK = [journey for journey in JOURNEYS if journey.name not in CODES]
BY_CODE = [journey for journey in JOURNEYS if journey.needs == {"mail"} and journey.name not in LINKS]
SHARES = [(way, journey) for index, way in enumerate(WAYS) for journey in BY_LINK[index % STEP :: STEP]]
PROOFS = ("code", "both") if "MATRIX_THREEPID_PROOF" in os.environ else ("code",)
"""What mails hold in place of a link alone; a client types the code in either case."""


@pytest.fixture(scope="module", params=["alone"])
def surroundings(
    request: pytest.FixtureRequest, parts: Parts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Surroundings]:
    """What is around a server with its database in a file."""
    folder = tmp_path_factory.mktemp("journeys")
    settings = {**settings_for(parts), "database": f"sqlite:///{folder / 'example.db'}"}
    if request.param in PROOFS:
        settings["policy"] = {"mail_proof": request.param}
    with _server(request.param, settings, folder) as server:
        yield parts.around(server.url)
        assert server.stop() == 0


def _server(name: str, settings: dict[str, Any], folder: Path) -> Example:
    if name in ("alone", *PROOFS):
        return Example(settings, folder)
    return Framework(name, settings | {"listen": "127.0.0.1:1"}, folder)


class TestExample(JourneyContract):
    """No story is left out but those about codes in mails, which follow."""

    left_out: ClassVar[tuple[str, ...]] = CODES


@pytest.mark.parametrize(
    ("surroundings", "journey"),
    SHARES,
    indirect=["surroundings"],
    ids=[f"{way}-{each.name}" for way, each in SHARES],
    scope="module",  # else each story starts a server
)
def test_a_framework_changes_no_story(surroundings: Surroundings, journey: Journey) -> None:
    """A story that goes well on the example alone goes well where a framework mounts it."""
    (result,) = run([journey], surroundings)
    assert result.outcome == "ok", f"{journey.story} {result.why}"


@pytest.mark.parametrize("surroundings", PROOFS, indirect=True, scope="module")
def test_every_story_with_a_mail_goes_by_code(surroundings: Surroundings) -> None:
    """Where mails hold a code, clients that type it come as far as others do by links."""
    results = list(run(BY_CODE, surroundings))
    assert [str(result) for result in results if result.outcome != "ok"] == []


def test_stories_have_names_and_sentences_of_their_own() -> None:
    """No two stories share a name, each is told in a sentence."""
    assert len({journey.name for journey in JOURNEYS}) == len(JOURNEYS) >= 25
    assert [journey.name for journey in JOURNEYS if not journey.story.endswith(".")] == []


def test_the_docs_list_them(capsys: pytest.CaptureFixture[str]) -> None:
    """The page shows what ``--list`` prints."""
    main(["journeys", "--list"])
    assert f"```text\n{capsys.readouterr().out}```\n" in (ROOT / "docs" / "journeys.md").read_text("utf-8")
