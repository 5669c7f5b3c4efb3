"""Reads a configuration file: the JSON of a host, or the YAML of Synapse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import fields

from ...protocol.errors import ConfigurationError, MatrixError
from ...protocol.wire import read_object
from ...settings import read
from ..checking.findings import Finding, Kind
from ..checking.wiring import of_no_way
from .configured import Configured, of_identity_servers, sending_role
from .shared import Shared
from .synapse_file import of_synapse

FORMS = "JSON with the shared sections, or a homeserver.yaml with our module"
"""What a file may be, for ``--help``."""
_MAX_FILE = 1 << 20
_SYNAPSES = {"modules", "listeners"}
_YAML = (".yaml", ".yml")


def described(path: Path) -> Configured:
    """Return what a file configures. Raises ``ConfigurationError`` naming the file or the setting."""
    given = _document(path)
    return of_synapse(given) if _SYNAPSES & given.keys() else _of_host(given)


def _of_host(given: Mapping[str, Any]) -> Configured:
    known = {field.name for field in fields(Shared)}
    shared = read(Shared, {name: value for name, value in given.items() if name in known})
    role = sending_role(shared.server_name, shared.library_policy(), shared.senders())
    servers = of_identity_servers(shared.identity_servers, role.policy)
    return Configured(role, (*of_no_way(role), *servers, *_left_aside(given, known)))


def _left_aside(given: Mapping[str, Any], known: set[str]) -> Iterator[Finding]:
    others = [str(name) for name in given if name not in known]
    if others:
        yield Finding(Kind.FACT, "not looked at", ", ".join(others))


def _document(path: Path) -> Mapping[str, Any]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    if path.suffix in _YAML:
        return _yaml(path, raw)
    try:
        return read_object(raw, _MAX_FILE)
    except MatrixError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _yaml(path: Path, raw: bytes) -> Mapping[str, Any]:
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise ConfigurationError(f"{path}: YAML needs PyYAML (pip install PyYAML); Synapse brings it along") from None
    try:
        given = yaml.safe_load(raw)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigurationError(f"{path}: is no YAML{f', line {mark.line + 1}' if mark else ''}") from None
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{path}: must be an object")
    return given
