"""Look after the tables of the module for Synapse: carry them to another database, or list the unbinds that are due."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..protocol.errors import ConfigurationError, Unavailable
from ..stores.sql import Database, Operation, migrate
from ..stores.url import SQLITE, open_database, sqlite_file

_BATCH = 500
_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'matrix\\_threepid\\_%' ESCAPE '\\' "
    "AND name <> 'matrix_threepid_schema' ORDER BY name"
)
_DUE = "SELECT count(*) FROM matrix_threepid_bindings WHERE due_at IS NOT NULL"


_UNBINDS = (
    "SELECT user_id, medium, spelling, id_server, attempts FROM matrix_threepid_bindings "
    "WHERE due_at IS NOT NULL AND medium IS NOT NULL ORDER BY id_server, user_id"
)


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; return 0, or 1 with the reason."""
    given = _parser().parse_args(arguments)
    try:
        asyncio.run(_port(given.source, given.target) if given.command == "port" else _list(given.database))
    except (ConfigurationError, Unavailable) as error:
        sys.stderr.write(f"python -m matrix_threepid synapse {given.command}: {error}\n")
        return 1
    return 0


async def _port(source: str, target: str) -> None:
    carried, due = await _ported(source, target)
    for table, (rows, new) in carried.items():
        sys.stdout.write(f"{table}: {rows} rows, {new} of them new\n")
    sys.stdout.write(f"unbinds that are due: {due}\n")


async def _list(url: str) -> None:
    """Print the unbinds that are due; the addresses are not masked, since an operator has to act on them."""
    if (file := sqlite_file(url)) is not None and not file.exists():
        raise ConfigurationError("--database: there is no such file")
    async with open_database(url) as db:
        await migrate(db)
        unbinds = await db.run(_unbinds)
    for user_id, medium, spelling, id_server, attempts in unbinds:
        sys.stdout.write(f"{id_server}\t{user_id}\t{medium}\t{spelling}\t{attempts} failed\n")
    sys.stdout.write(f"unbinds that are due: {len(unbinds)}\n")


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
    commands = parser.add_subparsers(required=True, dest="command", metavar="{port,unbinds}")
    port = commands.add_parser(
        "port", help="carry the tables from SQLite to PostgreSQL; repeating it adds what is missing"
    )
    port.add_argument("--from", dest="source", required=True, metavar="URL", help=f"{SQLITE}FILE, Synapse's database")
    port.add_argument("--to", dest="target", required=True, metavar="URL", help="postgresql://…, its new database")
    unbinds = commands.add_parser("unbinds", help="list the unbinds that are due, before the module is taken away")
    unbinds.add_argument("--database", required=True, metavar="URL", help=f"Synapse's: {SQLITE}FILE or postgresql://…")
    return parser
