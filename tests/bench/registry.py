"""Every unit by name. A new unit is one entry here, with its work in a module of ``units``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from matrix_threepid.model.threepid import Purpose

from . import checked_floors
from .latency import Latency, Prepare
from .setting import Options
from .units import cold, grow, lookup, memory, purge, render, start, w1, w2, w3, w5, w6


class Unit(Protocol):
    """Something with figures: it runs once and returns the fields of its line."""

    @property
    def kind(self) -> str: ...

    def floor_name(self, options: Options) -> str | None: ...
    def reps(self, options: Options) -> int: ...
    def repeat(self, options: Options, name: str, rep: int) -> dict[str, Any]: ...


_W1: dict[str, Prepare] = {
    "w1.request_token": partial(w1.request_token, Purpose.ADD),
    "w1.request_token.register": partial(w1.request_token, Purpose.REGISTER),
    "w1.request_token.password": partial(w1.request_token, Purpose.PASSWORD),
    "w1.request_token.unusual": w1.unusual_address,
    "w1.repeat": w1.repeat,
    "w1.reject.bad_json": w1.bad_json,
    "w1.reject.bad_secret": partial(w1.bad_member, {"client_secret": "don'tT3ll"}),
    "w1.reject.bad_address": partial(w1.bad_member, {"email": "nobody@nowhere"}),
    "w1.reject.in_use": w1.in_use,
    "w1.reject.limited": w1.limited,
}
_W2: dict[str, Prepare] = {
    "w2.submit": w2.show_page,
    "w2.submit_post": w2.submit_json,
    "w2.submit_form": w2.submit_form,
    "w2.wrong_token": w2.wrong_token,
}
_W3: dict[str, Prepare] = {"w3.add": w3.add, "w3.post_deprecated": w3.add_deprecated}
_GROW: dict[str, Prepare] = {
    "grow.w1": partial(w1.request_token, Purpose.ADD),
    "grow.w2": w2.submit_json,
    "grow.w3": w3.add,
    "grow.w4": partial(w3.listing, 2),
    "grow.limit": grow.limit_check,
    "grow.due": grow.lease_due,
}

UNITS: Mapping[str, Unit] = {
    **{name: Latency(prepare=prepare, floor="w1") for name, prepare in _W1.items()},
    **{name: Latency(prepare=prepare, floor="w2") for name, prepare in _W2.items()},
    **{name: Latency(prepare=prepare, floor="w3") for name, prepare in _W3.items()},
    "checked.request_token": Latency(prepare=_W1["w1.request_token"], floor=checked_floors.w1),
    "checked.submit": Latency(prepare=w2.submit_json, floor=checked_floors.w2),
    "checked.list": Latency(prepare=partial(w3.listing, 2), floor=checked_floors.w4),
    "w4.list": Latency(prepare=partial(w3.listing, 2), floor="w4"),
    "w4.list100": Latency(prepare=partial(w3.listing, 100), floor="w4x100", share=10),
    "w5.bind": Latency(prepare=w5.bind, floor="w5_bind", identity="stub"),
    "w5.unbind": Latency(prepare=w5.unbind, floor="sign", identity="stub"),
    "w5.delete": Latency(prepare=w5.delete, floor="sign", identity="stub"),
    "w6.cycle": Latency(prepare=w6.cycle, floor="w6", share=4),
    "render.mail": Latency(prepare=render.mail, floor=render.mail_floor, handler=False),
    "render.page": Latency(prepare=render.page, floor=render.page_floor, handler=False),
    "import.package": start.Import(statement=start.PACKAGE, floor="import attr", forbidden=start.EARLY),
    "import.public": start.Import(statement=start.PUBLIC, floor="import attr", forbidden=start.EARLY),
    "import.ready": start.Import(
        statement=start.READY, floor="import attr, email_validator, jsonschema", forbidden=start.NEVER
    ),
    "cold.serve": cold.Cold(),
    "mem.session": memory.Memory(fill=memory.open_sessions, purge=memory.purge_sessions),
    "mem.ratelimit": memory.Memory(fill=memory.limit_addresses, purge=memory.purge_limits, when_full=memory.when_full),
    **{name: grow.Growth(prepare=prepare) for name, prepare in _GROW.items()},
    "disk.session": purge.Housekeeping(run=purge.disk),
    "purge.idle": purge.Housekeeping(run=purge.idle),
    "purge.expired": purge.Housekeeping(run=purge.expired),
    "lookup.thousand": purge.Housekeeping(run=lookup.among_many),
}
"""The units of the command, in the order they run."""
