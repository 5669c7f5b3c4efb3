"""Alert rules and dashboard, as Prometheus itself reads them (Debian's package ``prometheus`` has ``promtool``)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"
PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="needs promtool (apt-get install prometheus)")


def promtool(*arguments: str, where: Path = OPERATIONS) -> str:
    """Run promtool; return what it prints."""
    done = subprocess.run(  # noqa: S603
        [str(PROMTOOL), *arguments], cwd=where, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_valid_and_fire_as_they_should() -> None:
    """Promtool takes the rules, and their tests pass."""
    assert "SUCCESS" in promtool("check", "rules", "alerts.yml")
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")


def test_every_expression_of_the_dashboard_is_valid(tmp_path: Path) -> None:
    """Each panel's expression is taken by promtool as that of a rule."""
    board = json.loads((OPERATIONS / "dashboard.json").read_text("utf-8"))
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", "rules.yml", where=tmp_path)
