"""``docs/limits.md`` has every limit that the code counts, and every choice of how many."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from attrs import fields

import matrix_threepid
from matrix_threepid import Limits, Medium, Policy
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.policy import Conversion, InvitationRules, LookupRules, SmsRules
from matrix_threepid.testing import ALICE, Outbox, World

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "limits.md").read_text("utf-8")
NO_NUMBERS = {"countries", "refused_kinds", "warn_at", "conversion", "algorithms", "pepper_days"}
NO_NUMBERS |= {"enabled", "web_client", "days"}


def _written() -> Iterator[str]:
    """Yield the kinds of counters that are written in the code as they are."""
    for file in Path(matrix_threepid.__file__).parent.rglob("*.py"):
        text = file.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "counting import" in text or file.name == "counting.py" else ():
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id in ("Counter", "period"):
                yield from (str(each.value) for each in node.args[:1] if isinstance(each, ast.Constant))


def _counted() -> Iterator[str]:
    """Yield the kinds of what one SMS of a stranger and its code are counted under."""
    limiter, box = MemoryLimits(), Outbox()
    policy = {"sms": SmsRules(countries=["GB"]), "limits": Limits()}
    world = World(policy, limiter=limiter, senders={Medium.MSISDN: box})
    body = {"country": "GB", "phone_number": "07700900123", "client_secret": "s", "send_attempt": 1}
    for path, user in (("register", None), ("account/3pid", ALICE), ("register", None)):
        world.clock.advance(60_000)
        sid = world.post(f"/{path}/msisdn/requestToken", body, user).json()["sid"]
        code = {"sid": sid, "client_secret": body["client_secret"], "token": box.last.code}
        assert world.post("/_matrix/client/unstable/threepid/msisdn/submit_token", code).status == 200
        body["client_secret"] += "s"
    yield from (key.partition(":")[0] for key in limiter._full_at)


def test_every_limit_has_its_row() -> None:
    """The table names all kinds of counters of the code, and no other."""
    rows = re.findall(r"^\| (`[^|]+`) \|", PAGE, re.MULTILINE)
    documented = {kind for row in rows for kind in re.findall(r"`([^`]+)`", row)}
    assert documented == {*_written(), *_counted()}


def test_every_number_has_its_choice() -> None:
    """The table names each choice that sets how many."""
    names = {
        each.name for kind in (Limits, SmsRules, Conversion, LookupRules, InvitationRules) for each in fields(kind)
    }
    assert [name for name in sorted(names - NO_NUMBERS) if f"`{name}`" not in PAGE] == []
    assert Policy().wrong_codes_alarm == 1000
    assert "`wrong_codes_alarm`" in PAGE
