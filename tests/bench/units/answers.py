"""Count the answers that are not right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from matrix_threepid.ports._checked import given
from matrix_threepid.protocol.wire import Request, Response
from matrix_threepid.testing import World

from ..measure import Work
from ..setting import IndexedAccounts

Wrong = Callable[[Sequence[Response]], int]


def of_requests(world: World, requests: Iterable[Request], wrong: Wrong) -> Work:
    """Return the work of answering ``requests``."""
    return Work(arguments=list(requests), act=world.service.handle, wrong=wrong)


def not_status(status: int, answers: Sequence[Response]) -> int:
    """Count those of another status."""
    return sum(answer.status != status for answer in answers)


def not_refused(errcode: str, answers: Sequence[Response]) -> int:
    """Count those that are no refusal with this error code."""
    return sum(answer.status < 400 or answer.json().get("errcode") != errcode for answer in answers)


def accounts_of(world: World) -> IndexedAccounts:
    """Return the accounts a setting gave its world."""
    accounts = given(world.homeserver.accounts)
    if not isinstance(accounts, IndexedAccounts):
        raise TypeError("a world of a setting has indexed accounts")
    return accounts
