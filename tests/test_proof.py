"""The searches of ``tests/proof`` find what is broken, go on where they ended, and say how far they came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bad_bodies import AtIdentityServer
from identity_server.apis import V2
from proof import results
from proof.fuzz import PARSERS, Parser, run_parser
from proof.hostile import TARGETS, Target, run_hostile
from proof.runs import RUNS
from proof.stateful import run_machine
from schedules.broken import FindsAnothersSlot

from matrix_threepid import Response
from matrix_threepid.errors import InvalidParam
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.model.session import Session
from matrix_threepid.testing import FakeAccounts


class NeverConsumes(MemorySessions):
    """Says that it has stored a consumed session, and has not."""

    async def replace(self, session: Session) -> bool:
        return session.consumed_at is not None or await super().replace(session)


class ListsOneAddress(FakeAccounts):
    """Lists only the first address of an account."""

    async def list(self, user_id: str) -> Any:
        return (await super().list(user_id))[:1]


@pytest.mark.rule("SEC-0")
def test_a_homeserver_answers_as_the_reference_model_says() -> None:
    """Whatever people do in whatever order, each answer is the one that the rules demand."""
    assert run_machine(0, 8) > 100


@pytest.mark.parametrize(
    "broken",
    [{"sessions": FindsAnothersSlot}, {"sessions": NeverConsumes}, {"accounts": ListsOneAddress}],
    ids=lambda broken: next(iter(broken.values())).__name__,
)
def test_the_state_machine_finds_a_broken_port(broken: dict[str, Any]) -> None:
    """A port that is broken in one way gives an answer that the model does not expect."""
    with pytest.raises(AssertionError):
        run_machine(0, 300, lambda: {name: kind() for name, kind in broken.items()}, shrink=False)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_only_documented_errors_come_out(parser: Parser) -> None:
    """What no sender means is read as something, or refused with a documented error."""
    assert run_parser(parser, 0, 40) >= 40


@pytest.mark.rule("SEC-0")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_hostile_bodies_do_nothing(target: Target) -> None:
    """No body makes an operation of any role fail, and what is refused as it came is neither kept nor sent on."""
    assert run_hostile(target, range(1), each=8) >= 24


class Fails(AtIdentityServer):
    """Fails to answer what it should refuse."""

    def call(self, method: str, path: str, **more: Any) -> Response:
        answer = super().call(method, path, **more)
        return Response(500, (), answer.body) if answer.status == 400 else answer


class Keeps(AtIdentityServer):
    """Keeps what it refuses."""

    def call(self, method: str, path: str, **more: Any) -> Response:
        answer = super().call(method, path, **more)
        if answer.status == 400:
            self.place.ask(client_secret=f"kept{len(self.place.exchanges)}")
        return answer


@pytest.mark.parametrize(("kind", "says"), [(Fails, "500 for"), (Keeps, "something is kept")])
def test_hostile_bodies_find_a_server_that_is_broken(kind: type[AtIdentityServer], says: str) -> None:
    """A 5xx and a session that came of a refused body end the search."""
    with pytest.raises(AssertionError, match=says):
        run_hostile(Target("broken", "identity server", lambda: kind.opened(V2)), range(1), each=8)


def test_the_fuzzer_finds_an_error_that_is_not_documented() -> None:
    """An error of another kind ends the search, whatever input leads to it."""

    def parse(data: bytes) -> None:
        if b"@" not in data:
            raise InvalidParam
        data.decode("ascii")

    with pytest.raises(UnicodeDecodeError):
        run_parser(Parser("broken", parse, (b"a@b",), (InvalidParam,)), 0, 2_000)


def test_a_search_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Recorded parts are read back, and the next part begins behind the last."""
    file = tmp_path / "results.jsonl"
    for first in (0, 10):
        results.record(results.result("schedules", range(first, first + 10), 10, 0.4), file)
    lines = results.recorded(file)
    assert results.reached("schedules", lines) == 20
    assert results.reached("kills", lines) == 0
    assert "20 schedules" in results.table(RUNS, lines)


def test_the_page_says_what_was_recorded() -> None:
    """The table of the page is the one made from the recorded parts: ``python -m tests.proof page``."""
    text = results.PAGE.read_text("utf-8")
    assert results.page(RUNS, results.recorded(), text) == text
