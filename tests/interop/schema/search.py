"""Call every operation of an OpenAPI document with what Schemathesis makes of it, and print what is wrong.

    python search.py DOCUMENT ROLE CASES SEEDS [all]

``DOCUMENT``: the official document of the role's API, or ``-`` for the role's own. ``all``: under every version; else
under the newest alone. For each of so many seeds a new host is called so many times at each operation. Runs in an
environment with Schemathesis, the library and its tests; prints a JSON object: how many calls of each operation had
which status, and what is wrong.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import schemathesis
from hosts import HOSTS, Host
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from matrix_threepid.openapi import document

_VERSIONS = ("", "unstable", "r0", "api/v1", "v1", "v2", "v3")
_VERSION = re.compile(rf"/({'|'.join(_VERSIONS[1:])})(?=/|$)")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


class Search:
    """What came of the calls. ``calls``: how many there were, by operation and status; ``failures``: what is wrong."""

    def __init__(
        self, schema: dict[str, Any], host: Host, calls: dict[str, Counter[str]], failures: dict[str, str]
    ) -> None:
        self.calls, self.failures = calls, failures
        self._host, self._schema = host, schemathesis.openapi.from_dict(schema)
        self._schema.app = host.app

    def run(self, cases: int, first: int) -> None:
        """Make so many cases of each operation: half as its schemas say, and half not so."""
        for found in self._schema.get_all_operations():
            operation = found.ok()
            self._run(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), cases // 2, first, spoilt=False)
            # Where there is nothing to say, nothing can be said wrongly.
            with suppress(Unsatisfiable):
                self._run(
                    operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), cases // 2, first, spoilt=True
                )

    def _run(self, made: Any, cases: int, first: int, *, spoilt: bool) -> None:
        @seed(first)
        @settings(
            max_examples=cases,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(made)
        def conforms(case: Any) -> None:
            # What was spoilt on purpose stays so: it is wrong to accept it.
            self._host.known_to(case, values=not spoilt)
            self._call(case)

        conforms()

    def _call(self, case: Any) -> None:
        name = f"{case.operation.method.upper()} {case.operation.path}"
        response = case.call(session=self._host.session)
        self.calls[name][str(response.status_code)] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                what = f"{name}: {response.status_code} {failure.title}"
                self.failures.setdefault(what, f"{failures}"[:1500])


def with_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Allow ``null`` for the optional members of bodies, as the description of our documents says of all of them."""
    bodies = (operation.get("requestBody", {}) for item in schema["paths"].values() for operation in item.values())
    names = {body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2] for body in bodies if body}
    shapes = schema["components"]["schemas"]
    shapes.update({name: _nullable(shapes[name]) for name in names})
    return schema


def _nullable(shape: dict[str, Any]) -> dict[str, Any]:
    members, required = shape.get("properties"), shape.get("required", ())
    if members is None:
        return shape
    inner = {name: _nullable(each) for name, each in members.items()}
    either = {name: each if name in required else {"anyOf": [each, {"type": "null"}]} for name, each in inner.items()}
    return {**shape, "properties": either}


def newest(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a document with each path under its newest version only."""
    best: dict[str, str] = {}
    for path in schema["paths"]:
        bare = _VERSION.sub("/", path, count=1)
        best[bare] = max(best.get(bare, path), path, key=lambda each: _VERSIONS.index(_version(each)))
    return {**schema, "paths": {path: schema["paths"][path] for path in best.values()}}


def _version(path: str) -> str:
    found = _VERSION.search(path)
    return found[1] if found else ""


def with_standard_errors(schema: dict[str, Any]) -> dict[str, Any]:
    """Add to each operation of the official document the errors that its general part allows everywhere.

    See https://spec.matrix.org/latest/identity-service-api/#api-standards.
    """
    members = {"errcode": {"type": "string"}, "error": {"type": "string"}}
    shape = {"type": "object", "properties": members, "required": ["errcode", "error"]}
    refused = {"description": "", "content": {"application/json": {"schema": shape}}}
    # A page tells whoever opens a link.
    page = {"description": "", "content": {"text/html": {"schema": {"type": "string"}}}}
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            opens = method == "get" and path.endswith("/submitToken")
            for status in ("400", "401", "403", "404", "413", "429"):
                operation["responses"].setdefault(status, page if opens else refused)
    return schema


def _read(file: str) -> dict[str, Any]:
    official: dict[str, Any] = json.loads(Path(file).read_text("utf-8"))
    return official


def main(file: str, role: str, cases: str, seeds: str, versions: str = "") -> None:
    """Search, and print what came of it."""
    logging.disable(logging.CRITICAL)
    calls: dict[str, Counter[str]] = defaultdict(Counter)
    failures: dict[str, str] = {}
    for number in range(int(seeds)):
        host = HOSTS[role]()
        own = file == "-"
        schema = (
            with_null(document(host.table)) if own else with_standard_errors(json.loads(Path(file).read_text("utf-8")))
        )
        search = Search(schema if versions else newest(schema), host, calls, failures)
        with host:
            search.run(int(cases), number)
    json.dump({"calls": calls, "failures": failures}, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
