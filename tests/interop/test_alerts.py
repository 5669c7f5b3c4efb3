"""Alert rules, dashboard and unit, as Prometheus and systemd read them (``promtool`` is in Debian's ``prometheus``)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="needs promtool (apt-get install prometheus)")


def promtool(*arguments: str, where: Path = OPERATIONS) -> str:
    """Run promtool; return what it prints."""
    done = subprocess.run(  # noqa: S603
        [str(PROMTOOL), *arguments], cwd=where, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_the_rules_are_valid_and_fire_as_they_should() -> None:
    """Promtool takes the rules, and their tests pass."""
    assert "SUCCESS" in promtool("check", "rules", "alerts.yml")
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_unit_is_valid(tmp_path: Path) -> None:
    """Systemd takes the unit; only the program itself is not installed where it says."""
    text = (OPERATIONS / "systemd" / "matrix-threepid.service").read_text("utf-8")
    unit = tmp_path / "matrix-threepid.service"
    unit.write_text(text.replace("/opt/matrix-threepid/bin/matrix-threepid", "/bin/true"))
    command = [str(shutil.which("systemd-analyze")), "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")


@needs_promtool
def test_every_expression_of_the_dashboard_is_valid(tmp_path: Path) -> None:
    """Each panel's expression is taken by promtool as that of a rule."""
    board = json.loads((OPERATIONS / "dashboard.json").read_text("utf-8"))
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", "rules.yml", where=tmp_path)
