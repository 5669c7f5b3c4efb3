"""What the module uses of Synapse is what is compared when it starts; without a Synapse."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from matrix_threepid.offload import run_sync
from matrix_threepid.protocol.errors import ConfigurationError
from matrix_threepid.stores.sql import SqlLimits, SqlSessions
from matrix_threepid.synapse import private, used
from matrix_threepid.synapse.bindings import UnbindGuard
from matrix_threepid.synapse.database import SynapseDatabase
from matrix_threepid.synapse.fit import differences, ensure_fit
from matrix_threepid.synapse.stages import OneReset, StageChecker
from matrix_threepid.testing import World
from matrix_threepid.uia import Stages

CODE = inspect.getsource(private.Inside)
FILES = [path.read_text("utf-8") for path in Path(private.__file__).parent.glob("*.py")]
LINES = [line for table in (used.CALLED, used.REPLACED) for lines in table.values() for line in lines]
BARE = {re.sub(r"\([^()]*\)$", "", line) for line in LINES}
"""The lines without parameters."""
OURS: dict[str, Callable[..., Any]] = {
    "try_unbind_threepid": UnbindGuard.unbind,
    "set_password": OneReset.set_password,
    "check_auth": StageChecker.check_auth,
    "is_enabled": StageChecker.is_enabled,
}
"""What stands in the place of something of Synapse's."""


def test_every_inner_part_that_is_used_is_compared() -> None:
    """No name of Synapse's inside is used that the table does not list, and none is listed for nothing."""
    reached = set(re.findall(r"self\._hs\.((?:\w+(?:\(\))?\.)*\w+)", CODE))
    listed = {line.removeprefix("ModuleApi._hs.") for line in BARE if line.startswith("ModuleApi._hs.")}
    # Sections of the configuration are read through variables, so of them only the last names are looked for.
    settings = {name for name in listed if name.startswith("config.")}
    assert [name for name in settings if not re.search(rf"\.{name.rpartition('.')[2]}\b", CODE)] == []
    listed = {"signing_key" if name.startswith("signing_key.") else name for name in listed - settings}
    assert {name for name in reached if not name.startswith("config")} == listed


def test_every_member_of_the_module_api_that_is_used_is_compared() -> None:
    """The same for the public way in."""
    reached = {name for file in FILES for name in re.findall(r"\bself\.(?:_api|api)\.(\w+)|\bapi\.(\w+)\(", file)}
    listed = {line.removeprefix("ModuleApi.") for line in BARE if re.fullmatch(r"ModuleApi\.\w+", line)}
    assert {first or second for first, second in reached} == listed


def test_everything_that_is_imported_is_compared() -> None:
    """Nothing of Synapse's is imported that the table does not list."""
    found = [pair for file in FILES for pair in re.findall(r"^ +from (synapse[\w.]*) import (.+)", file, re.MULTILINE)]
    names = {f"{module}:{name}" for module, imported in found for name in imported.split(", ")}
    names |= {f"{module}:{name}" for module, name in re.findall(r"(synapse\.rest)\.(\w+)", CODE)}
    listed = {re.match(r"[\w.]+:\w+", line)[0] for line in BARE if line.startswith("synapse")}  # type: ignore[index]
    assert names - {"synapse.module_api:ModuleApi"} <= listed


@pytest.mark.parametrize("line", [line for lines in used.REPLACED.values() for line in lines if "_render" not in line])
def test_what_is_replaced_takes_what_synapse_gives(line: str) -> None:
    """Ours takes the very parameters Synapse has there, since any of them may be given by name."""
    name = re.findall(r"\w+(?=\()", line)[-1]
    assert differences(SimpleNamespace(**{name: OURS[name]}), (), (f"ModuleApi.{line.rpartition('.')[2]}",)) == []


def test_a_password_can_be_set_by_names() -> None:
    """Synapse's own ``set_password`` is handed all that was given, however it was given."""
    given: list[Any] = []

    async def own(*arguments: Any) -> None:
        given.extend(arguments)

    ours = OneReset(Stages(World().homeserver), private.Inside(None), own)
    run_sync(ours.set_password(user_id="@a:b", password_hash="h", logout_devices=False, requester="who"))
    assert given == ["@a:b", "h", False, "who"]


def three(one: int, two: int, three: int = 3) -> None:
    """Take two values and, if wanted, one more."""


def any_number(one: int, *args: int, two: int = 2) -> None:
    """Take any number of values."""


@pytest.mark.parametrize(
    ("called", "said"),
    [
        ("three(one, two)", ""),
        ("three(one, two, three)", ""),
        ("three(one, *, two)", ""),
        ("any_number(one, *args)", ""),
        ("any_number(*, one, two)", ""),
        ("compiled(one)", ""),
        ("three(one)", "takes (one, two, three=3)"),
        ("three(two, one)", "takes (one, two, three=3)"),
        ("three(one, two, third)", "takes (one, two, three=3)"),
        ("three(one, two, *, third)", "takes (one, two, three=3)"),
        ("three(one, two, *args)", "takes (one, two, three=3)"),
        ("any_number(one, two)", "takes (one, *args, two=2)"),
        ("nothing()", "cannot be called"),
        ("four(one)", "is missing"),
        ("four", "is missing"),
        ("inner().four(one)", "is missing"),
    ],
)
def test_what_cannot_be_called_as_we_do_is_named(called: str, said: str) -> None:
    """A call needs its parameters in this order or by these names; further ones must have a default.

    What a compiled function does not tell is not held against it.
    """
    api = SimpleNamespace(three=three, any_number=any_number, compiled=iter, nothing=None, inner=SimpleNamespace)
    line = f"ModuleApi.{called}"
    assert differences(api, (line,)) == ([f"{line} {said}"] if said else [])


@pytest.mark.parametrize(
    ("replaced", "fits"),
    [
        ("three(one, two, three=3)", True),
        ("three(one, two)", False),
        ("three(one, two, three)", False),
        ("three(one, second, three=3)", False),
        ("three(one, two, *, three=3)", False),
    ],
)
def test_what_is_replaced_must_be_the_same(replaced: str, fits: bool) -> None:
    """Ours would miss a parameter that Synapse has and we do not know of."""
    line = f"ModuleApi.{replaced}"
    said = [] if fits else [f"{line} takes (one, two, three=3)"]
    assert differences(SimpleNamespace(three=three), (), (line,)) == said


def test_stores_are_made_before_the_first_transaction() -> None:
    """The module wires its stores while Synapse starts, when nothing has asked the database yet."""
    database = SynapseDatabase(SimpleNamespace())  # type: ignore[arg-type]
    assert [store(database) for store in (SqlSessions, SqlLimits)]


def test_a_module_that_is_not_there_is_named() -> None:
    """What cannot be imported is missing, by its name."""
    line = "no_such_module:name(one)"
    assert differences(None, (line,)) == [f"{line} is missing"]


@pytest.mark.parametrize(
    ("installed", "endpoints", "said"),
    [
        ("1.94.0", False, "Synapse 1.94.0 is too old for the module, which needs 1.95 or later"),
        ("1.113.0rc1", True, "Synapse 1.113.0rc1 is too old for endpoints, which needs 1.114 or later"),
        ("1.113.0", False, "Synapse 1.113.0 does not fit"),
        ("1.200.0", True, "Synapse 1.200.0 does not fit"),
    ],
)
def test_a_version_that_is_too_old_is_named(
    installed: str, endpoints: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part, the version and the oldest for that part are said, in place of all that the version lacks."""
    monkeypatch.setattr("importlib.metadata.version", lambda _: installed)
    with pytest.raises(ConfigurationError) as refused:
        ensure_fit(SimpleNamespace(), identity_servers=True, endpoints=endpoints)
    assert str(refused.value).startswith(said)
    assert ("missing" in str(refused.value)) == ("too old" not in said)


@pytest.mark.parametrize(("worker_app", "named"), [(None, True), ("synapse.app.generic_worker", False)])
def test_a_worker_need_not_have_what_only_the_main_process_has(worker_app: str | None, named: bool) -> None:
    """Workers of an older Synapse refuse to make the handler of passwords, which they never use."""

    def refuse() -> None:
        assert worker_app is None, "This can only be instantiated on the main process"

    api = SimpleNamespace(_hs=SimpleNamespace(get_set_password_handler=refuse), worker_app=worker_app)
    line = "ModuleApi._hs.get_set_password_handler().set_password(user_id)"
    assert differences(api, (line,)) == ([f"{line} is missing"] if named else [])
    refused: list[Any] = []
    if worker_app is not None:
        private.Inside(api._hs).wrap_set_password(refused.append)  # type: ignore[arg-type]
    assert refused == []
