"""The sessions of a shadow outlive its process; on a database without a Synapse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from matrix_threepid import run_sync
from matrix_threepid.stores import Sqlite, migrate
from matrix_threepid.synapse import Threepids, module
from matrix_threepid.synapse.shadow_pairs import ShadowPairs
from matrix_threepid.testing.contracts.values import NOW, session

WEEK = 7 * 86_400_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Sqlite]:
    """A database with the tables of the module."""
    with closing(Sqlite(tmp_path / "homeserver.db")) as made:
        run_sync(migrate(made))
        yield made


def test_a_pair_is_found_by_another_process(database: Sqlite) -> None:
    """The session comes back with all it had; the same sid of Synapse's stands for the newest session only."""
    run_sync(ShadowPairs(database).keep("theirs", session("older"), NOW))
    newer = session("newer", owner="@bob:hs.example.org", next_link="https://app.example.org", decoy=True)
    run_sync(ShadowPairs(database).keep("theirs", newer, NOW))
    assert run_sync(ShadowPairs(database).find("theirs")) == newer
    assert run_sync(ShadowPairs(database).find("another")) is None


@pytest.mark.parametrize(
    ("change", "read"),
    [("json_set(session, '$.of_a_later_release', 1)", True), ("json_remove(session, '$.purpose')", False)],
)
def test_a_pair_of_another_release_harms_nothing(database: Sqlite, change: str, read: bool) -> None:
    """Members that this release does not know are left aside; a session that lacks one counts as none."""

    def changed():  # type: ignore[no-untyped-def]
        yield f"UPDATE matrix_threepid_shadow_pairs SET session = {change}", ()  # noqa: S608  our own words

    run_sync(ShadowPairs(database).keep("theirs", session("ours"), NOW))
    run_sync(database.run(changed))
    assert run_sync(ShadowPairs(database).find("theirs")) == (session("ours") if read else None)


def test_pairs_are_kept_for_a_week(database: Sqlite) -> None:
    """The oldest go first, no more of them than asked for."""
    pairs = ShadowPairs(database)
    for number in range(3):
        run_sync(pairs.keep(f"old{number}", session("a"), NOW + number))
    run_sync(pairs.keep("new", session("b"), NOW + WEEK))
    assert [run_sync(pairs.purge(NOW + WEEK + 3, 2)) for _ in range(3)] == [2, 1, 0]
    assert run_sync(pairs.find("new")) == session("b")


def test_pairs_of_a_shadow_that_ended_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job that deletes them runs whichever parts are on, since the module may have been a shadow before."""
    calls: list[str] = []
    monkeypatch.setattr(module, "ensure_fit", lambda *_, **__: None)
    monkeypatch.setattr(module, "mount", lambda *_, **__: None)
    api = SimpleNamespace(
        server_name="hs.example.org",
        public_baseurl="https://hs.example.org/",
        should_run_background_tasks=lambda: True,
        delayed_background_call=lambda *_, desc: calls.append(desc),
    )
    gateway = {"url": "https://sms.example.org", "template": {"to": "{number}", "text": "{text}"}}
    path = f"/_synapse/client/{'a' * 22}"
    sms = {"countries": ["GB"], "gateway": gateway}
    Threepids({"secret_file": str(tmp_path / "secret"), "delegate_path": path, "sms": sms}, api)  # type: ignore[arg-type]
    assert "matrix_threepid_purge_shadow_pairs" in calls
