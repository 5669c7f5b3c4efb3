"""What Schemathesis makes of our OpenAPI documents, and of the official one, is answered as they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from matrix_threepid.commands.roles import ROLES

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CASES = 50
SEEDS = int(os.environ.get("MATRIX_THREEPID_SCHEMA_SEEDS", "1"))
"""How often each operation gets so many calls."""
UNREACHED = {
    "POST /_matrix/client/unstable/threepid/email/submit_token",
    "GET /_matrix/client/unstable/threepid/msisdn/submit_token",
    "POST /_matrix/client/unstable/threepid/msisdn/submit_token",
    "GET /_matrix/client/unstable/threepid/undo/submit_token",
    "POST /_matrix/client/unstable/threepid/undo/submit_token",
    "GET /_matrix/identity/v2/threepid/invitations/submit_token",
    "POST /_matrix/identity/v2/threepid/invitations/submit_token",
    "GET /_matrix/identity/v2/threepid/msisdn/submit_token",
    "GET /_matrix/identity/api/v1/threepid/msisdn/submit_token",
    "PUT /_matrix/federation/v1/exchange_third_party_invite/{roomId}",
}
"""Operations that only refuse here, since what they need is in no document, or is used once."""


def searched(file: str, role: str) -> dict[str, Any]:
    """Return what came of the calls of every operation of a document."""
    place = Path(os.environ["INTEROP_WORK"]) / "schemathesis" / "bin" / "python"
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests", HERE)))
    every = ["all"] if SEEDS > 1 else []
    command = [str(place), str(HERE / "search.py"), file, role, str(CASES), str(SEEDS), *every]
    env = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def unreached(calls: dict[str, dict[str, int]]) -> set[str]:
    """Return the operations that have never succeeded."""
    return {operation for operation, statuses in calls.items() if not {"200", "303"} & statuses.keys()}


@pytest.mark.rule("SEC-0")
@pytest.mark.parametrize("role", ROLES)
def test_a_host_answers_as_its_document_says(role: str) -> None:
    """Whatever is sent, status, type, headers and body of the answer are in the role's document, and none is 5xx."""
    found = searched("-", role)
    assert found["failures"] == {}
    assert unreached(found["calls"]) - UNREACHED == set()
    table = ROLES[role]
    declared = {bare(each.method, table.prefix + path) for each in table.endpoints for path in each.paths}
    assert {bare(*operation.split(" ")) for operation in found["calls"]} == declared


@pytest.mark.rule("SEC-0")
def test_the_identity_server_answers_as_the_specification_says() -> None:
    """All 23 operations of the official document have the answers it lists, or errors that its general part allows."""
    found = searched(str(HERE / "identity.json"), "identity-server")
    assert found["failures"] == {}
    assert unreached(found["calls"]) == set()
    assert len(found["calls"]) == 23


def bare(method: str, path: str) -> tuple[str, str]:
    """Return an operation without the version in its path."""
    return method, re.sub(r"/(unstable|r0|api/v1|v1|v2|v3)(?=/|$)", "", path, count=1)
