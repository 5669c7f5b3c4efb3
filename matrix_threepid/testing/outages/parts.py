"""The database and the senders, which fail as the conditions say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from attrs import define, field

from ...model.message import Accepted, MessageKind, Outcome, RefusedForNow, TokenMessage, Unknown
from ...ports import TokenSender
from ...ports._checked import methods
from ...protocol.errors import Unavailable
from .faults import PATIENCE, Conditions, Fault, Part


class Stored:
    """A port behind a database that may fail: its calls raise ``Unavailable`` then, as those of the drivers do.

    * ``port``: the port.
    """

    def __init__(self, protocol: type, port: Any, conditions: Conditions) -> None:
        self.port, self._conditions = port, conditions
        self._awaited = {method.name for method in methods(protocol) if method.awaited}

    def __getattr__(self, name: str) -> Any:
        if name == "port":
            raise AttributeError(name)
        found = getattr(self.port, name)
        if name == "counts_in":  # asks whether two stores are in one database
            return lambda limiter: found(getattr(limiter, "port", limiter))
        return self._asking(found) if name in self._awaited or iscoroutinefunction(found) else found

    def _asking(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def ask(*values: Any, **named: Any) -> Any:
            fault = self._conditions.of(Part.DATABASE)
            if fault is Fault.SILENT:
                await asyncio.sleep(PATIENCE)
            if fault in (Fault.REFUSING, Fault.SILENT):
                raise Unavailable
            await self._conditions.pass_time(Part.DATABASE)
            answer = await method(*values, **named)
            if fault is Fault.LYING and self._conditions.lies():
                # It was done, and nobody hears of it.
                raise Unavailable
            return answer

        return ask


@define(eq=False)
class Sending:
    """A ``TokenSender`` whose server may fail.

    * ``part``: the mail server or the SMS provider.
    * ``sender``: hands a message over if the server takes it.
    * ``arrived``: the last message with a link or code, by the server that sent it and the recipient.
    * ``handed``: every message that was handed over, in order.
    """

    part: Part
    sender: TokenSender
    _conditions: Conditions
    arrived: dict[tuple[str, str], TokenMessage] = field(init=False, factory=dict)
    handed: list[TokenMessage] = field(init=False, factory=list)

    async def send(self, message: TokenMessage) -> Outcome:
        fault = self._conditions.of(self.part)
        if fault is Fault.SILENT:
            await asyncio.sleep(message.deadline / 1000)
            # Whether an SMS was sent nobody knows; a mail server says so before it takes a mail.
            return RefusedForNow("no answer", outage=True) if self.part is Part.MAIL else Unknown("no answer")
        if fault is Fault.REFUSING:
            return RefusedForNow("no connection", outage=True)
        await self._conditions.pass_time(self.part)
        if fault is not Fault.LYING:
            return await self._hand_over(message)
        if self._conditions.lies():
            return Accepted()
        await self._hand_over(message)
        return RefusedForNow("a lie", outage=True) if self.part is Part.MAIL else Unknown("a lie")

    async def _hand_over(self, message: TokenMessage) -> Outcome:
        outcome = await self.sender.send(message)
        if isinstance(outcome, Accepted | Unknown):
            self.handed.append(message)
            if message.kind is MessageKind.TOKEN:
                self.arrived[message.server, message.recipient] = message
        return outcome
