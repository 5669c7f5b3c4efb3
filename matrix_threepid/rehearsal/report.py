"""What a rehearsal found, attack by attack, as values, a table and JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from zlib import crc32

from attrs import asdict, evolve, frozen

from ..model.threepid import Medium
from ..policy import Policy
from ..testing.virtual_time import run
from .attacks import CATALOGUE, Row, rehearsed
from .outages import bound_in_outage
from .place import Place

HEAD = ("attack", "mails", "SMS", "money", "logged in", "others", "longest wait", "found out")


@frozen
class Figures:
    """What came of one attack.

    * ``attack``: its name.
    * ``mails``, ``sms``: the messages that were sent, those to honest people included.
    * ``money``: the price of the SMS.
    * ``logged_in``, ``others``: how many honest people with and without an account got through, and of how many.
    * ``waited``: the s that the one of them who got through last had to wait; ``None`` if nobody got through.
    * ``found``: what the attackers found out, in words.
    """

    attack: str
    mails: int
    sms: int
    money: float
    logged_in: tuple[int, int]
    others: tuple[int, int]
    waited: float | None
    found: str

    def cells(self) -> tuple[str, ...]:
        """Return the cells of a table."""
        waited = "never" if self.waited is None else f"{self.waited / 60:.0f} min" if self.waited >= 60 else "< 1 min"
        got = (f"{some} of {many}" for some, many in (self.logged_in, self.others))
        return self.attack, f"{self.mails}", f"{self.sms}", f"{self.money:.2f}", *got, waited, self.found


def rehearse(
    policy: Policy, seed: int, price: float, catalogue: Iterable[Row] = CATALOGUE, at_once: int = 1
) -> Iterator[Figures]:
    """Rehearse attacks on a policy; yield what came of each.

    * ``policy``: the policy. Attacks on SMS are left out if it sends none.
    * ``seed``: decides everything that is drawn; equal seeds give equal figures.
    * ``price``: of one SMS.
    * ``catalogue``: the attacks; default all.
    * ``at_once``: the number of processes that share them; 1 (default) starts none.
    """
    rows = [row for row in catalogue if row.medium is Medium.EMAIL or policy.sms.countries]
    # No attack calls identity servers, and the rule about them may be a function, which no process can pass on.
    one = partial(_rehearse_one, policy=evolve(policy, identity_servers=None), seed=seed, price=price)
    if at_once == 1:
        yield from map(one, rows)
        return
    # Circuits that open in an outage say so in the log, which is no news here.
    with ProcessPoolExecutor(at_once, initializer=logging.disable, initargs=(logging.WARNING,)) as pool:
        yield from pool.map(one, rows)


def _rehearse_one(row: Row, policy: Policy, seed: int, price: float) -> Figures:
    return run(_figures(row, policy, seed, price))


async def _figures(row: Row, policy: Policy, seed: int, price: float) -> Figures:
    own = crc32(f"{seed} {row.name}".encode())
    if row.fails:
        mails, users, others = await bound_in_outage(row.fails, policy, own)
        return _counted(row, mails, 0, price, users, others)
    place = Place(policy, own)
    attack, people = await rehearsed(row, place)
    users, others = ([each.waited for each in people if each.logged_in is logged_in] for logged_in in (True, False))
    return _counted(row, place.mail.count, place.sms.count, price, users, others, attack.found)


def _counted(
    row: Row,
    mails: int,
    sms: int,
    price: float,
    users: Sequence[float | None],
    others: Sequence[float | None],
    found: str = "",
) -> Figures:
    through = [sum(wait is not None for wait in waits) for waits in (users, others)]
    return Figures(
        attack=row.name,
        mails=mails,
        sms=sms,
        money=round(sms * price, 2),
        logged_in=(through[0], len(users)),
        others=(through[1], len(others)),
        waited=max((wait for wait in (*users, *others) if wait is not None), default=None),
        found=found,
    )


def as_json(figures: Iterable[Figures]) -> str:
    """Return figures as JSON, one object a line."""
    return "".join(f"{json.dumps(asdict(each), ensure_ascii=False)}\n" for each in figures)


def as_table(figures: Iterable[Figures]) -> str:
    """Return figures as a table of plain text, which is Markdown as well."""
    rows: Sequence[tuple[str, ...]] = [HEAD, *(each.cells() for each in figures)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, _line(["-" * width for width in widths], widths))
    return "".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |\n"
