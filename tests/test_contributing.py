"""The map in ``CONTRIBUTING.md`` shows the house as it is."""

from __future__ import annotations

import re
from configparser import ConfigParser
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "matrix_threepid"
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
MAP, PLACES = re.findall(r"^## Where (?:things are|do I change …)\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
IN_PACKAGE, BESIDE = (re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE) for part in MAP.split("### Beside it"))
_GENERATED = re.compile(r"__pycache__|_build|\.egg-info|/work\b")


def folders(where: Path, depth: int) -> set[str]:
    """Return the folders below one, down to a depth, as the map writes them."""
    pattern = "*/" * depth
    found = {each.relative_to(where).as_posix() + "/" for each in where.glob(pattern) if each.is_dir()}
    deeper = folders(where, depth - 1) if depth > 1 else set()
    return {each for each in found | deeper if not _GENERATED.search(each)}


def test_the_map_shows_every_folder_and_module() -> None:
    """It lists each folder and top-level module of the package, and the folders beside it, and nothing that is gone."""
    modules = {path.name for path in PACKAGE.glob("*.py")}
    assert sorted(IN_PACKAGE) == sorted(folders(PACKAGE, 3) | modules)
    beside = {f"{top}/{each}" for top in ("tests", "docs", "examples") for each in folders(ROOT / top, 1)}
    assert sorted(BESIDE) == sorted(beside | {"tests/", "docs/", "examples/", ".ci/"})


def test_imports_point_down_the_map() -> None:
    """What stands above in the map is in no lower layer than what stands below, group by group."""
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg")
    layers = settings["importlinter:contract:layers"]["layers"].split("\n")
    layer = {name.strip(): number for number, line in enumerate(layers) for name in re.split(r"[|:]", line)}
    groups = [re.findall(r"^\| `([^`/]+?)(?:\.py|/)` \|", part, re.MULTILINE) for part in MAP.split("|---|---|")[1:]]
    numbers = [[layer[name] for name in group if name in layer] for group in groups]
    inner = [group for group in numbers if group]
    assert [(high, low) for high, low in pairwise(inner) if max(high) >= min(low)] == []


def test_every_place_to_change_something_is_there() -> None:
    """Each file and folder that the table of everyday changes names exists."""
    paths = re.findall(r"`((?:matrix_threepid|tests|docs|examples)/[\w./-]*)`", PLACES)
    assert len(re.findall(r"^\| an? ", PLACES, re.MULTILINE)) >= 20
    assert [path for path in paths if not (ROOT / path).exists()] == []
