"""The benchmark command: every unit does its work right. How fast is no matter of tests."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.__main__ import main
from tests.bench.at_once import measured
from tests.bench.goals import BUILT_IN, judge, read_goals
from tests.bench.registry import UNITS

Lines = list[dict[str, Any]]
SMALLEST = ("--quick", "--ops", "5", "--reps", "1")
"""What makes a run as short as it can be."""
EACH_FLOOR = ("w1.repeat", "w2.submit_post", "w3.add", "w4.list", "w5.bind", "w5.unbind", "w6.cycle")
"""A unit for each floor that asks a store."""
LATENCY = [name for name, unit in UNITS.items() if unit.kind == "latency"]


@pytest.fixture(autouse=True, scope="module")
def little_to_search() -> None:
    """Leave what other tests have left out of the searches for garbage that units make before each measurement."""
    gc.freeze()


def lines_of(text: str) -> Lines:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Lines]:
    """A quick run of every unit: exit status and lines."""
    file = tmp_path_factory.mktemp("bench") / "lines.jsonl"
    return main([*SMALLEST, "--json", str(file)]), lines_of(file.read_text("utf-8"))


def summaries(lines: Lines) -> dict[str, dict[str, Any]]:
    return {line["unit"]: line for line in lines if line["name"] == "summary"}


def test_a_quick_run_has_no_errors(quick: tuple[int, Lines]) -> None:
    """Every unit's outcome is right: sessions differ, addresses are listed, refusals refuse."""
    status, lines = quick
    assert {line["unit"]: line["errors"] for line in lines if line.get("errors")} == {}
    assert status == 0


def test_the_first_line_says_what_it_ran_on_and_the_last_ones_sum_up(quick: tuple[int, Lines]) -> None:
    """The lines are those of one run: meta, repetitions, then a summary of every unit or why it was left out."""
    _, lines = quick
    assert lines[0]["name"] == "meta"
    assert [line["unit"] for line in lines[-len(UNITS) :]] == list(UNITS)
    assert {line["name"] for line in lines[-len(UNITS) :]} <= {"summary", "skipped"}


def test_every_unit_of_operations_has_its_floor(quick: tuple[int, Lines]) -> None:
    """No figure stands without what the same work costs by hand, timed in the same process."""
    found = summaries(quick[1])
    assert [name for name in LATENCY if not found[name]["floor_us"] or not found[name]["floor_ratio"]] == []
    assert all(found[name]["floor"] for name in LATENCY)


def test_importing_loads_nothing_before_it_is_needed(quick: tuple[int, Lines]) -> None:
    """The public names load no driver, loop, parser or provider; the first requests load no driver or provider."""
    found = summaries(quick[1])
    loaded = {name: found[name]["forbidden"] for name in UNITS if name.startswith("import.")}
    assert set(map(tuple, loaded.values())) == {()}


@pytest.mark.parametrize("driver", ["asyncio", "trio", "twisted"])
def test_units_are_right_under_every_driver(driver: str, tmp_path: Path) -> None:
    """The cycle of six requests comes out the same whatever runs the handlers."""
    file = tmp_path / "lines.jsonl"
    assert main(["w6.cycle", *SMALLEST, "--driver", driver, "--json", str(file)]) == 0
    assert summaries(lines_of(file.read_text("utf-8")))["w6.cycle"]["driver"] == driver


def test_units_are_right_on_sqlite_and_leave_nothing_behind(tmp_path: Path) -> None:
    """The databases of a run are its own and are gone after it; floors are SQL as well."""
    file, place = tmp_path / "lines.jsonl", tmp_path / "databases"
    place.mkdir()
    assert main([*EACH_FLOOR, *SMALLEST, "--store", f"sqlite:{place / 'bench'}", "--json", str(file)]) == 0
    assert {line["floor"][:4] for line in summaries(lines_of(file.read_text("utf-8"))).values()} == {"sql."}
    assert list(place.iterdir()) == []


@pytest.mark.rule("SEC-253")
def test_growth_is_measured_beside_an_empty_store(tmp_path: Path) -> None:
    """Every size has its line: without errors, without scans, told what a session takes; then all of it is gone."""
    status, lines = grown_run(tmp_path)
    sizes = {(line["name"], line["rows"]) for line in lines if line["name"] in GROWTH}
    assert (status, sizes) == (0, {(name, size) for name in GROWTH for size in (0, 300)})
    assert [line for line in lines if line.get("errors") or line.get("scan")] == []
    assert all(line["ratio_to_empty"] > 0 for line in lines if line["name"].startswith("grow."))
    assert all(100 < line["bytes"] < 1000 for line in lines if line["name"] == "disk.session" and line["rows"])
    assert list(tmp_path.glob("bench*")) == []


def test_a_grown_store_is_kept_for_the_next_run(tmp_path: Path) -> None:
    """Filling takes long at full size, so ``--keep`` leaves what it filled, and the next run does not fill it again."""
    grown_run(tmp_path, "disk.session", "--keep")
    kept = sorted(tmp_path.glob("bench*.db"))
    assert len(kept) == 2
    sizes = [file.stat().st_size for file in kept]
    assert grown_run(tmp_path, "disk.session", "--keep")[0] == 0
    assert [file.stat().st_size for file in kept] == sizes


def test_units_are_right_on_postgresql(postgres: str, tmp_path: Path) -> None:
    """The same units and floors run in schemas of their own, which are gone after it."""
    status, lines = grown_run(tmp_path, "w1.repeat", "w5.*", "grow.due", "disk.session", store=f"postgres:{postgres}")
    assert (status, [line for line in lines if line.get("errors")]) == (0, [])
    assert schemas(postgres) == []


GROWTH = [name for name, unit in UNITS.items() if unit.kind == "growth"]


def grown_run(place: Path, *arguments: str, store: str = "") -> tuple[int, Lines]:
    """Run units of growth (or those given) on few rows; return exit status and lines."""
    file = place / "lines.jsonl"
    size = (*SMALLEST, "--rows", "0,300", "--store", store or f"sqlite:{place / 'bench'}")
    return main([*(arguments or GROWTH), *size, "--json", str(file)]), lines_of(file.read_text("utf-8"))


def schemas(uri: str) -> list[str]:
    """Return the schemas the command has left."""
    import psycopg

    with psycopg.connect(uri) as connection:
        return [name for (name,) in connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'bench%'")]


def test_list_shows_units_floors_and_goals(capsys: pytest.CaptureFixture[str]) -> None:
    """``list`` names every unit without running one."""
    assert main(["list"]) == 0
    listed = lines_of(capsys.readouterr().out)
    assert [line["unit"] for line in listed] == list(UNITS)
    assert next(line for line in listed if line["unit"] == "w1.reject.in_use")["goals"] == {"p50_us": 350}


def test_a_unit_nobody_knows_is_an_error() -> None:
    """A misspelt unit does not look like a good run."""
    assert main(["w9.nothing"]) == 2


def test_a_missed_goal_fails_the_run(tmp_path: Path) -> None:
    """Exit status 1 says that a figure is above its goal."""
    goals = tmp_path / "goals.json"
    goals.write_text(json.dumps({"mem.session": {"bytes": 1}}))
    assert main(["mem.session", *SMALLEST, "--goals", str(goals)]) == 1


@pytest.mark.rule("SEC-250")
@pytest.mark.parametrize(
    ("summary", "verdict"),
    [
        ({"bytes": 100}, {"ok": True}),
        ({"bytes": 101}, {"ok": False}),
        ({"bytes": 101, "spread": 0.6}, {"ok": True, "noisy": True}),
        ({}, {"ok": False}),
    ],
)
def test_a_goal_is_the_most_a_figure_may_be(summary: dict[str, Any], verdict: dict[str, Any]) -> None:
    """A figure at its goal is good, one above is not, a noisy one is told and not failed, a lacking one fails."""
    (line,) = judge({"unit*": {"bytes": 100}}, {"unit": "unit.one", **summary})
    assert {name: line[name] for name in ("ok", "noisy") if name in line} == verdict


@pytest.mark.rule("SEC-250", "SEC-254")
def test_every_goal_is_about_a_unit() -> None:
    """The goals that come with the command name units it has."""
    assert [name for name in read_goals(BUILT_IN) if not any(name.rstrip("*") in unit for unit in UNITS)] == []


def test_stores_are_compared_by_requests_at_once(tmp_path: Path) -> None:
    """``at_once`` says of any store how many requests for a token it takes."""
    figures = asyncio.run(measured(f"sqlite:///{tmp_path}/a.db", 4, 2))
    assert sorted(figures) == ["p50_ms", "p99_ms", "requests_per_s"]
