"""Real programs, started once for all tests. Without MATRIX_THREEPID_INTEROP=1 every file is skipped unread."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from matrix_threepid.testing.journeys import Parts, open_surroundings

from . import sms_ways
from .moduled import site_in
from .programs import free_port
from .roles import Delegated, Published
from .serving import certificate
from .site import Site
from .sms_ways import Way
from .synapse import Synapse, synapse_at

_PREPARED = os.environ.get("MATRIX_THREEPID_INTEROP") == "1"
_HOW = "run tests/interop/prepare.sh, then set MATRIX_THREEPID_INTEROP=1"


class Unread(pytest.File):
    """A file that is not imported, since what it needs need not be there; one skipped test says so."""

    def collect(self) -> Iterator[Skipped]:
        """Yield the test."""
        yield Skipped.from_parent(self, name="needs_other_programs")


class Skipped(pytest.Item):
    """A test that says how to prepare what its file needs."""

    def runtest(self) -> None:
        """Skip."""
        pytest.skip(_HOW)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return where the skipped tests are."""
        return self.path, None, self.name


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the tests of a file, or that it is skipped."""
    return None if _PREPARED else Unread.from_parent(parent, path=module_path)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A certificate for this machine, of an authority the programs are told to trust."""
    return certificate(tmp_path_factory.mktemp("tls"), "localhost", "127.0.0.1")


@pytest.fixture(scope="session")
def delegate() -> Iterator[Delegated]:
    """Our delegate, below a secret path."""
    with Delegated().serving() as delegate:
        yield delegate


@pytest.fixture(scope="session")
def homeserver_port() -> int:
    """Where the real homeserver is known to other servers."""
    return free_port()


@pytest.fixture(scope="session")
def identity_server(files: Mapping[str, Path], homeserver_port: int) -> Iterator[Published]:
    """Our identity server, over TLS; it may ask the real homeserver for its keys."""
    with Published(free_port(), homeserver_port).serving(files) as identity_server:
        yield identity_server


@pytest.fixture(scope="session")
def synapse(
    tmp_path_factory: pytest.TempPathFactory, files: Mapping[str, Path], delegate: Delegated, homeserver_port: int
) -> Iterator[Synapse]:
    """A real Synapse that lets our delegate validate numbers."""
    folder = tmp_path_factory.mktemp("synapse")
    delegates = {"msisdn": delegate.url}
    with synapse_at(homeserver_port, folder, files, account_threepid_delegates=delegates) as synapse:
        yield synapse


@pytest.fixture(scope="session")
def beside(synapse: Synapse, delegate: Delegated) -> Way:
    """A Synapse with our delegate beside it."""
    return sms_ways.beside(synapse, delegate)


@pytest.fixture(scope="session")
def inside(tmp_path_factory: pytest.TempPathFactory, files: Mapping[str, Path]) -> Iterator[Way]:
    """A Synapse with our module inside it, for SMS alone."""
    with sms_ways.inside(tmp_path_factory.mktemp("inside"), files) as way:
        yield way


@pytest.fixture(scope="session")
def workers(tmp_path_factory: pytest.TempPathFactory, files: Mapping[str, Path]) -> Iterator[Way]:
    """The same with workers, which take the requests in turn."""
    with sms_ways.workers(tmp_path_factory.mktemp("workers"), files) as way:
        yield way


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    """A mail server, a text message provider, an identity server."""
    with open_surroundings() as parts:
        yield parts


@pytest.fixture
def site(parts: Parts, files: Mapping[str, Path], tmp_path: Path) -> Site:
    """A place for a Synapse, which keeps its data there."""
    return site_in(tmp_path, parts, files)
