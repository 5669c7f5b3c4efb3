"""A host that logs devices out when an account is secured, for schedules of thieves."""

from __future__ import annotations

from typing import Any

from attrs import define

from ...ports import Caller
from ...protocol.errors import UnknownToken
from ...protocol.wire import Request
from ..fake_accounts import FakeAccounts, FakeCallers
from .tasks import Task


class SecuredAccounts(FakeAccounts):
    """Accounts of a host that can log devices out; ``open``: whether the session of the account is still there."""

    open = True

    async def secure(self, user_id: str) -> None:
        """End the session."""
        self.open = False


class SecuredCallers(FakeCallers):
    """Access tokens that end with the session of the account."""

    def __init__(self, accounts: SecuredAccounts) -> None:
        super().__init__()
        self._accounts = accounts

    async def identify(self, request: Request) -> Caller | None:
        if not self._accounts.open:
            raise UnknownToken
        return await super().identify(request)


@define(eq=False)
class HearsNothing:
    """Hears of nothing; ``now``: the call that runs."""

    now: Task | None = None

    def asks(self, task: Task, port: str, method: str) -> None:
        """A call of a port is about to be made."""

    def answered(self, task: Task, port: str, method: str, values: tuple[Any, ...], answer: Any) -> None:
        """A call of a port was made."""

    def everything_seen(self) -> list[Any]:
        """Return no sessions: nobody looks at them here."""
        return []
