"""Create or migrate the library's tables in a database, or check that they are up to date."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..protocol.errors import ConfigurationError, Unavailable
from ..stores.sql import ReadOnly, migrate
from ..stores.sql.postgresql import POOLER
from ..stores.url import FORMS, sqlite_file, worked_on
from .checking.databases import answers


def main(arguments: Sequence[str]) -> int:
    """Migrate or check; return 0, or 1 if the schema is not the one that this release needs."""
    given = _parser().parse_args(arguments)
    try:
        version = _checked(given.database) if given.check else worked_on(given.database, migrate)
    except ReadOnly:
        sys.stderr.write(f"python -m matrix_threepid migrate: {ReadOnly.REMEDY}\n")
        return 1
    except (ConfigurationError, Unavailable) as error:
        sys.stderr.write(f"python -m matrix_threepid migrate: {error}\n")
        return 1
    sys.stdout.write(f"the schema is at version {version}, as this release needs it\n")
    return 0


def _checked(url: str) -> int:
    if (file := sqlite_file(url)) is not None and not file.exists():
        raise ConfigurationError("database: there is no such file")
    version, breaks = worked_on(url, answers)
    if breaks:
        sys.stderr.write(f"python -m matrix_threepid migrate: {POOLER}\n")
    return version


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m matrix_threepid migrate", description=__doc__)
    parser.add_argument("--database", required=True, metavar="URL", help=FORMS)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; the exit status is 1 if it is not up to date"
    )
    return parser
