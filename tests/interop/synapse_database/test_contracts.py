"""The tests in ``inside``, run with a real Synapse on each engine it has."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ..databases import Database, postgresql, sqlite
from ..programs import ROOT, SYNAPSE, interpreter

HERE = Path(__file__).parent / "inside"
ON_BOTH = ("contracts", "transactions", "journey")


@pytest.mark.parametrize("engine", [sqlite, postgresql])
def test_the_stores_hold_inside_synapse(engine: Database, tmp_path: Path) -> None:
    """Contracts, start-up, retries, outages and the SQL log, all through Synapse's ``run_db_interaction``."""
    files = [str(HERE / f"{name}.py") for name in (*ON_BOTH, f"on_{engine.__name__}")]
    command = [interpreter(SYNAPSE), "-m", "pytest", "-c", str(HERE / "pytest.ini"), "--confcutdir", str(HERE)]
    with engine(tmp_path) as database:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SYNAPSE_DATABASE": json.dumps(database)}
        done = subprocess.run(  # noqa: S603  our own tests
            [*command, *files], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=240
        )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-4_000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
