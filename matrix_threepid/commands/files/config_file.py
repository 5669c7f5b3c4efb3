"""Reads a configuration file: that of a host, or the YAML of Synapse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import fields

from ...settings.documents import FORMATS, read_document
from ...settings.reading import read_given
from ..checking.findings import Finding, Kind
from ..checking.wiring import of_no_way
from .configured import Configured, of_identity_servers, sending_role
from .shared import Shared
from .synapse_file import of_synapse

FORMS = f"{FORMATS} with the shared sections, or a homeserver.yaml with our module"
"""What a file may be, for ``--help``."""
_SYNAPSES = {"modules", "listeners"}
_YAML = (".yaml", ".yml")


def described(path: Path) -> Configured:
    """Return what a file configures. Raises ``ConfigurationError`` naming the file or the setting."""
    given = synapse_document(path)
    return _of_host(read_document(path), path) if given is None else of_synapse(given)


def synapse_document(path: Path) -> Mapping[str, Any] | None:
    """Return the object in Synapse's ``homeserver.yaml``; ``None`` for a file of another kind.

    Raises ``ConfigurationError`` naming the file.
    """
    given = read_document(path)
    if not _SYNAPSES & given.keys():
        return None
    return _as_synapse_reads(path) if path.suffix in _YAML else given


def _of_host(given: Mapping[str, Any], path: Path) -> Configured:
    known = {field.name for field in fields(Shared)}
    shared = read_given(Shared, {name: value for name, value in given.items() if name in known}, path)
    role = sending_role(shared.server_name, shared.library_policy(), shared.senders())
    servers = of_identity_servers(shared.identity_servers, role.policy)
    return Configured(role, (*of_no_way(role), *servers, *_left_aside(given, known)), shared.library_texts())


def _left_aside(given: Mapping[str, Any], known: set[str]) -> Iterator[Finding]:
    others = [str(name) for name in given if name not in known]
    if others:
        yield Finding(Kind.FACT, "not looked at", ", ".join(others))


def _as_synapse_reads(path: Path) -> Mapping[str, Any]:
    """Return the object in a file by YAML 1.1, as Synapse reads it: ``NO`` is ``false`` there."""
    import yaml  # type: ignore[import-untyped,unused-ignore]

    given = yaml.safe_load(path.read_bytes())
    return given if isinstance(given, Mapping) else {}
