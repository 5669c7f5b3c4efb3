"""Gather the OpenAPI documents of the Matrix identity service into one, without their prose.

    python official.py MATRIX_SPEC > identity.json

``MATRIX_SPEC``: a checkout of https://github.com/matrix-org/matrix-spec at a release. Its documents are under the
Apache License 2.0, as this project is; ``identity.json`` keeps what they say of paths, parameters, bodies, responses
and access, and names the release.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

RELEASE = "v1.19"
_PROSE = ("description", "summary", "example", "examples", "title", "tags", "deprecated")
_NAMED = ("properties", "responses", "paths")


def resolved(value: Any, folder: Path, *, names: bool = False) -> Any:
    """Return a value with what its references stand for in their places, and without prose.

    * ``folder``: where the file is whose value it is.
    * ``names``: whether the keys are names of members, which may be called like prose.
    """
    if isinstance(value, list):
        return [resolved(each, folder) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        file, _, pointer = value["$ref"].partition("#")
        found = yaml.safe_load((folder / file).read_text("utf-8"))
        for step in pointer.strip("/").split("/"):
            found = found[step] if step else found
        return resolved(found, (folder / file).parent)
    kept = {key: each for key, each in value.items() if names or key not in _PROSE}
    return {key: resolved(each, folder, names=key in _NAMED) for key, each in kept.items()}


def gathered(checkout: Path) -> dict[str, Any]:
    """Return the document of the whole API."""
    paths: dict[str, Any] = {}
    schemes: dict[str, Any] = {}
    for file in sorted((checkout / "data/api/identity").glob("*.yaml")):
        one = yaml.safe_load(file.read_text("utf-8"))
        below = one["servers"][0]["variables"]["basePath"]["default"]
        for path, item in resolved(one["paths"], file.parent, names=True).items():
            paths.setdefault(f"{below}{path}", {}).update(item)
        schemes.update(resolved(one.get("components", {}).get("securitySchemes", {}), file.parent))
    for item in paths.values():
        for operation in item.values():
            for response in operation["responses"].values():
                response.setdefault("description", "")
    info = {"title": "Matrix identity service", "version": RELEASE, "license": {"name": "Apache-2.0"}}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"securitySchemes": schemes}}


if __name__ == "__main__":
    json.dump(gathered(Path(sys.argv[1])), sys.stdout, indent=1)
    sys.stdout.write("\n")
