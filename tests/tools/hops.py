"""Count the files and functions of the library that one call goes through: ``python -m tests.tools.hops``.

A reader who follows a call has to open each of these files once. Fakes (``testing``), ``hosts`` and what drives the
coroutine (``offload.py``) stand for code of the host and do not count. Calls are warmed up first, so that work done
once a process does not count either.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import matrix_threepid
from matrix_threepid.testing import ALICE, World
from matrix_threepid.testing.identity import FakeIdentityServers

ROOT = Path(matrix_threepid.__file__).parent
LEFT_OUT = ("hosts", "testing", "offload.py")
SERVER, ADDRESS = "id.example", "alice@example.org"


def gone_through(call: Callable[[], Any]) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the files, and the functions with their files, that ``call`` goes through."""
    seen: set[tuple[str, str]] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            seen.add(
                (
                    frame.f_code.co_filename,
                    frame.f_code.co_qualname if sys.version_info >= (3, 11) else frame.f_code.co_name,
                )
            )

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    ours = {(name, function) for file, function in seen if (name := _below_root(file)) is not None}
    return {name for name, _ in ours}, ours


def _below_root(file: str) -> str | None:
    path = Path(file)
    if ROOT not in path.parents:
        return None
    name = path.relative_to(ROOT)
    return None if name.parts[0] in LEFT_OUT else name.as_posix()


def world_with_identity_server() -> World:
    """Return a world whose identity server knows one session of Alice's address."""
    servers = FakeIdentityServers()
    servers.prove(SERVER, "sid", "secret", ADDRESS)
    return World(identity=servers)


def _ask(world: World) -> Callable[[], Any]:
    return lambda: world.ask(ADDRESS)


def _submit(world: World) -> Callable[[], Any]:
    world.ask(ADDRESS)
    return world.confirm


def _add(world: World) -> Callable[[], Any]:
    sid = world.prove(ADDRESS)
    return lambda: world.add(sid)


def _bind(world: World) -> Callable[[], Any]:
    body = {"id_server": SERVER, "id_access_token": "token", "sid": "sid", "client_secret": "secret"}
    return lambda: world.post("/account/3pid/bind", body, ALICE)


def _delete(world: World) -> Callable[[], Any]:
    _add(world)()
    _bind(world)()
    return lambda: world.post("/account/3pid/delete", {"medium": "email", "address": ADDRESS}, ALICE)


def _unbind(world: World) -> Callable[[], Any]:
    _bind(world)()
    return lambda: world.post("/account/3pid/unbind", {"medium": "email", "address": ADDRESS}, ALICE)


def _list(world: World) -> Callable[[], Any]:
    _add(world)()
    return world.threepids


CALLS: dict[str, Callable[[World], Callable[[], Any]]] = {
    "requestToken": _ask,
    "submit form": _submit,
    "add": _add,
    "list": _list,
    "bind": _bind,
    "unbind": _unbind,
    "delete": _delete,
}
"""What is counted: each prepares a world and returns the call."""


def hops(name: str) -> tuple[set[str], set[tuple[str, str]]]:
    """Return files and functions of one of ``CALLS``, in its second run."""
    CALLS[name](world_with_identity_server())()
    return gone_through(CALLS[name](world_with_identity_server()))


def main() -> None:
    """Print a table of files and functions by call; with ``-v``, the files as well."""
    print(f"{'call':14}{'files':>6}{'functions':>10}")  # noqa: T201
    for name in CALLS:
        files, functions = hops(name)
        print(f"{name:14}{len(files):6}{len(functions):10}")  # noqa: T201
        if "-v" in sys.argv:
            print(*(f"    {file}" for file in sorted(files)), sep="\n")  # noqa: T201


if __name__ == "__main__":
    main()
