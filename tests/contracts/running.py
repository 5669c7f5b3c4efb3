"""A pytest within the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PLUGINS = ("-p", "xdist.plugin", "-p", "pytest_timeout")
"""Those that ``setup.cfg`` has settings for; loading the others takes longer than most tests."""
_QUIET = (*_PLUGINS, "-q", "-n", "0", "-p", "no:cacheprovider")


def run_pytest(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest there, in a process of its own that can import what we can; return what it said."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.run(  # noqa: S603  our own tests
        [sys.executable, "-m", "pytest", *_QUIET, *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "400", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
