"""Look after the tables of the module for Synapse: carry them to another database, list unbinds or send them."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ..protocol.errors import ConfigurationError, Unavailable
from ..stores.sql import Database, Operation, migrate
from ..stores.url import SQLITE, open_database, sqlite_file
from .files.config_file import synapse_document
from .operating.synapse_role import database_of
from .operating.synapse_unbinds import finish_unbinds, unbinding_role

_BATCH = 500
_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'matrix\\_threepid\\_%' ESCAPE '\\' "
    "AND name <> 'matrix_threepid_schema' ORDER BY name"
)
_DUE = "SELECT count(*) FROM matrix_threepid_bindings WHERE due_at IS NOT NULL"


_UNBINDS = (
    "SELECT user_id, medium, spelling, id_server, attempts, due_at FROM matrix_threepid_bindings "
    "WHERE unwanted_since IS NOT NULL AND medium IS NOT NULL ORDER BY id_server, user_id"
)


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; return 0, 1 with the reason, or 2 if unbinds are left."""
    given = _parser().parse_args(arguments)
    try:
        code: int = asyncio.run(given.do(given))
    except (ConfigurationError, Unavailable) as error:
        sys.stderr.write(f"python -m matrix_threepid synapse {given.command}: {error}\n")
        return 1
    return code


async def _port(given: argparse.Namespace) -> int:
    carried, due = await _ported(given.source, given.target)
    for table, (rows, new) in carried.items():
        sys.stdout.write(f"{table}: {rows} rows, {new} of them new\n")
    sys.stdout.write(f"unbinds that are due: {due}\n")
    return 0


async def _list(given: argparse.Namespace) -> int:
    """Print the unbinds that are not confirmed; the addresses are not masked, since an operator has to act on them."""
    async with _existing(given.database, "--database") as db:
        await _print_unbinds(db)
    return 0


async def _finish(given: argparse.Namespace) -> int:
    """Send the unbinds that are not confirmed, and print those that are left."""
    document = synapse_document(given.config)
    if document is None:
        raise ConfigurationError("--config: must be Synapse's homeserver.yaml")
    async with _existing(database_of(document), "database") as db:
        confirmed = await finish_unbinds(unbinding_role(document, db, given.config.absolute().parent), db)
        sys.stdout.write(f"unbinds that identity servers confirmed: {confirmed}\n")
        left = await _print_unbinds(db)
    return 2 if left else 0


@asynccontextmanager
async def _existing(url: str, named: str) -> AsyncIterator[Database]:
    if (file := sqlite_file(url)) is not None and not file.exists():
        raise ConfigurationError(f"{named}: there is no such file")
    async with open_database(url) as db:
        await migrate(db)
        yield db


async def _print_unbinds(db: Database) -> int:
    unbinds = await db.run(_unbinds)
    for user_id, medium, spelling, id_server, attempts, due_at in unbinds:
        state = f"{attempts} failed" if due_at is not None else "given up"
        sys.stdout.write(f"{id_server}\t{user_id}\t{medium}\t{spelling}\t{state}\n")
    sys.stdout.write(f"unbinds that are not confirmed: {len(unbinds)}\n")
    return len(unbinds)


def _unbinds() -> Operation[list[Any]]:
    return list((yield _UNBINDS, ()))


async def _ported(source: str, target: str) -> tuple[Mapping[str, tuple[int, int]], int]:
    """Carry all rows; return for each table how many there are and how many were new, and how many unbinds are due."""
    if (file := sqlite_file(source)) is None:
        raise ConfigurationError(f"--from: must be {SQLITE}FILE, since synapse_port_db comes from SQLite, too")
    if not file.exists():
        raise ConfigurationError("--from: there is no such file")
    async with open_database(source) as old, open_database(target) as new:
        await migrate(old)
        await migrate(new)
        carried = {table: await _carried(old, new, table) for table in await old.run(_tables)}
        return carried, await new.run(_count_due)


async def _carried(old: Database, new: Database, table: str) -> tuple[int, int]:
    columns = await old.run(partial(_columns, table))
    rows, added, last = 0, 0, -1
    while batch := await old.run(partial(_batch, table, columns, last)):
        last = batch[-1][0]
        rows += len(batch)
        added += await new.run(partial(_insert, table, columns, [row[1:] for row in batch]))
    return rows, added


def _tables() -> Operation[list[str]]:
    return [name for (name,) in (yield _TABLES, ())]


def _columns(table: str) -> Operation[list[str]]:
    return [name for (name,) in (yield "SELECT name FROM pragma_table_info(?)", (table,))]


# The names of tables and columns below are those that the migrations gave them.
def _batch(table: str, columns: Sequence[str], last: int) -> Operation[list[Any]]:
    listed = ", ".join(columns)
    statement = f"SELECT rowid, {listed} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {_BATCH}"  # noqa: S608
    return list((yield statement, (last,)))


def _insert(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Operation[int]:
    """Insert the rows that are not there; return how many. What the target has already counts, as it may be newer."""
    listed, marks = ", ".join(columns), ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({listed}) VALUES ({marks}) ON CONFLICT DO NOTHING RETURNING 1"  # noqa: S608
    added = 0
    for row in rows:
        added += len((yield statement, tuple(row)))
    return added


def _count_due() -> Operation[int]:
    return int((yield _DUE, ())[0][0])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m matrix_threepid synapse", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command", metavar="{port,unbinds,finish}")
    port = commands.add_parser(
        "port", help="carry the tables from SQLite to PostgreSQL; repeating it adds what is missing"
    )
    port.add_argument("--from", dest="source", required=True, metavar="URL", help=f"{SQLITE}FILE, Synapse's database")
    port.add_argument("--to", dest="target", required=True, metavar="URL", help="postgresql://…, its new database")
    port.set_defaults(do=_port)
    unbinds = commands.add_parser("unbinds", help="list the unbinds that no identity server has confirmed")
    unbinds.add_argument("--database", required=True, metavar="URL", help=f"Synapse's: {SQLITE}FILE or postgresql://…")
    unbinds.set_defaults(do=_list)
    finish = commands.add_parser("finish", help="send these unbinds, once the module was taken away")
    finish.add_argument("--config", required=True, type=Path, metavar="FILE", help="Synapse's homeserver.yaml")
    finish.set_defaults(do=_finish)
    return parser
