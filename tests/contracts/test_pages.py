"""Every page of "write your own" is, put together, a test module that passes."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .running import run_pytest

ROOT = Path(__file__).parents[2]
PAGES = [page for page in sorted((ROOT / "docs" / "write-your-own").glob("*.md")) if page.stem != "index"]
_SCHEDULES = "test_store.py::TestTextSchedules::test_no_schedule_breaks_an_invariant"
_LEFT_OUT = ["-k", "not test_no_pair_of_calls or mail", *(f"--deselect={_SCHEDULES}[{part}]" for part in range(1, 10))]
SHARE = [] if "MATRIX_THREEPID_PROOF" in os.environ else _LEFT_OUT
"""Of the pairs of calls one flow, and of the schedules one tenth, since all try the library more than the page."""
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_a_page_passes_its_own_contracts(tmp_path: Path) -> None:
    """Whoever types a page off has a part that passes."""
    modules = [tmp_path / f"test_{page.stem.replace('-', '_')}.py" for page in PAGES]
    for page, module in zip(PAGES, modules, strict=True):
        module.write_text("\n\n".join(_BLOCK.findall(page.read_text("utf-8"))), "utf-8")
    done = run_pytest(tmp_path, "-v", "-c", os.devnull, "-W", "error", *SHARE, *(module.name for module in modules))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [module.name for module in modules if f"{module.name} ." not in done.stdout] == []
