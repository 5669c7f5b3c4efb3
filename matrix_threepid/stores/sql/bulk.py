"""Many rows at once, for moving them from elsewhere; each operation is one transaction of up to 1,000 rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...model.association import Association
from ...model.invitation import Invitation
from ...model.login import Login
from ...model.lookup import hashed
from . import associations, invitations
from .operation import Operation, Statement

# ruff: noqa: S608  statements are made of constants of this package; values go in as parameters
_AT_ONCE = 100
"""The rows of one statement."""
_COLUMNS = ("address", "medium", "mxid", "ts", "hash_0", "hash_1", "hashed")


def put_associations(rows: Sequence[Association]) -> Operation[None]:
    """Store associations of different addresses; an earlier one of an address stays if it is as new or newer."""
    peppers = yield from associations.peppers_of()
    newest = peppers[0].number if peppers else 0
    values = []
    for row in rows:
        by_column = {"hash_0": "", "hash_1": ""}
        for each in peppers:
            by_column[associations.column_of(each.number)] = hashed(row.threepid, each.text)
        address = row.threepid.address, row.threepid.medium.value
        values.append((*address, row.mxid, row.ts, *by_column.values(), newest))
    table = "matrix_threepid_associations"
    newer = f"ON CONFLICT (address, medium) DO UPDATE SET mxid = excluded.mxid, ts = excluded.ts WHERE {table}.ts < "
    yield from _inserting(table, _COLUMNS, values, f"{newer}excluded.ts")


def put_logins(rows: Sequence[Login]) -> Operation[None]:
    """Store logins; those that are there stay."""
    columns = ("token_mac", "user_id", "created_at")
    values = [(row.token_mac, row.user_id, row.created_at) for row in rows]
    conflict = "ON CONFLICT (token_mac) DO NOTHING"
    yield from _inserting("matrix_threepid_identity_tokens", columns, values, conflict)


def put_accepted(rows: Sequence[tuple[str, str]], now: int) -> Operation[None]:
    """Store that users have accepted documents; those that are there stay."""
    values = [(*row, now) for row in rows]
    columns = ("user_id", "document", "accepted_at")
    conflict = "ON CONFLICT (user_id, document) DO NOTHING"
    yield from _inserting("matrix_threepid_identity_terms", columns, values, conflict)


def put_invitations(rows: Sequence[Invitation]) -> Operation[None]:
    """Store invitations, however many of an address wait; those that are there stay."""
    table = invitations.TABLE
    yield from _inserting(table.name, table.columns, [table.row(row) for row in rows], "ON CONFLICT (token) DO NOTHING")


def _inserting(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], conflict: str) -> Iterator[Statement]:
    for at in range(0, len(rows), _AT_ONCE):
        part = rows[at : at + _AT_ONCE]
        marks = ", ".join([f"({', '.join('?' * len(columns))})"] * len(part))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {marks} {conflict}"
        yield sql, [value for row in part for value in row]
