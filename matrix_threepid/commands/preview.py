"""Write every mail, page and SMS in every language as files, with the texts and the brand of a configuration.

``index.html`` in the folder shows them all. Nothing is sent. The exit code is 0, or 2 if the configuration cannot be
used or the folder cannot be written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..protocol.errors import ConfigurationError
from ..texts.failure import CannotRender
from .checking.findings import FINE, UNUSABLE
from .files.config_file import FORMS, described
from .previewing.gallery import written


def main(arguments: Sequence[str]) -> int:
    """Write the files; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m matrix_threepid preview",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help=FORMS)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder, made if it is not there")
    given = parser.parse_args(arguments)
    try:
        configured = described(given.config)
        count = written(configured.role, configured.texts, given.out)
    except (ConfigurationError, CannotRender, OSError) as error:
        sys.stderr.write(f"preview: {error}\n")
        return UNUSABLE
    sys.stdout.write(f"{count} files; open {given.out / 'index.html'}\n")
    return FINE
