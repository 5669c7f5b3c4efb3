"""The skeletons with accounts of their own: a person's whole story over HTTP, and the contracts of their ports."""

# ruff: noqa: D101  the contract says what is tested
from __future__ import annotations

import os
import re
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from serving import ROOT, ended

from matrix_threepid import run_sync
from matrix_threepid.stores import Sqlite
from matrix_threepid.testing import AccountKeeperContract, AccountsContract, CallersContract
from matrix_threepid.testing.parts import Person, fetch, press
from matrix_threepid.testing.parts.person import by_address

SKELETONS = ("django", "fastapi", "flask")
MOST = 230
_MAIL = re.compile(r"To (\S+) \(token, \w+\): (http\S+)")


class Skeleton:
    """A running skeleton; ``url`` is where it listens, and mails are read off its terminal."""

    def __init__(self, process: subprocess.Popen[str], database: Path) -> None:
        self._database = database
        self._output: Any = process.stdout
        self.url = self._output.readline().removeprefix("listening on ").strip()
        self.seen: list[str] = []

    def confirm(self, address: str) -> None:
        """Wait for the mail to an address, open its link and press the button."""
        for line in self._output:
            self.seen.append(line)
            if (mail := _MAIL.match(line)) and mail[1] == address:
                press(fetch("GET", mail[2]))
                return
        raise AssertionError("".join(self.seen))

    def forget_limits(self) -> None:
        """Make it some time later: an address gets one mail in half a minute."""
        with closing(sqlite3.connect(self._database)) as db, db:
            db.execute("DELETE FROM matrix_threepid_limits")


@pytest.fixture(params=SKELETONS)
def skeleton(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Skeleton]:
    command = ["-W", "error::DeprecationWarning", "-m", f"examples.hosts.{request.param}_accounts", "--port", "0"]
    with ended(
        subprocess.Popen(  # noqa: S603  our own example
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, "DATABASE": str(tmp_path / "accounts.db")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    ) as process:
        yield Skeleton(process, tmp_path / "accounts.db")


def test_a_skeleton_serves_the_whole_story(skeleton: Skeleton) -> None:
    """People register with a proved address, add another, reset their password by it, and close their account."""
    person, first, second = Person(skeleton.url), "carol@example.org", "carol@example.com"
    session = person.ask("register", first)
    skeleton.confirm(first)
    person.register("carol", by_address(session))
    assert person.user_id == "@carol:example.org"

    session = person.ask("add", second)
    skeleton.confirm(second)
    person.add(session)
    assert person.addresses() == [first, second]

    skeleton.forget_limits()
    somewhere_else = Person(skeleton.url)
    session = somewhere_else.ask("password", second)
    skeleton.confirm(second)
    body = {"new_password": secrets.token_urlsafe(12), "logout_devices": False}
    somewhere_else.authenticated("/account/password", body, by_address(session))
    assert person.interactive("/account/deactivate", {}, person.by_password()).status == 401
    person.password = body["new_password"]

    assert person.remove(first) == "no-support"
    assert person.deactivate() == "success"
    assert person.call("GET", "/account/3pid", expected=401)["errcode"] == "M_UNKNOWN_TOKEN"
    skeleton.forget_limits()
    asked = {"email": second, "client_secret": "secret", "send_attempt": 1}
    somewhere_else.refused("/account/password/email/requestToken", asked, "M_THREEPID_NOT_FOUND")
    somewhere_else.refused("/register", {"username": "carol", "password": "a long password"}, "M_USER_IN_USE")
    assert fetch("GET", f"{skeleton.url}/").status == 200
    assert "Traceback" not in "".join(skeleton.seen)


@pytest.mark.parametrize("name", SKELETONS)
def test_a_skeleton_is_short(name: str) -> None:
    """A skeleton can be read in a few minutes."""
    text = (ROOT / "examples" / "hosts" / f"{name}_accounts.py").read_text("utf-8")
    assert sum(bool(line.strip()) for line in text.splitlines()) < MOST


# -- the contracts -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def of_django(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The skeleton for Django, whose settings a process has once."""
    os.environ["DATABASE"] = str(tmp_path_factory.mktemp("django") / "accounts.db")
    module = import_module("examples.hosts.django_accounts")
    del os.environ["DATABASE"]
    module.settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # which takes no time
    module.prepare()
    return module


@pytest.fixture(params=SKELETONS)
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The ports of a skeleton, without accounts."""
    file = str(tmp_path / "accounts.db")
    if request.param == "django":
        module = request.getfixturevalue("of_django")
        yield module.Home()
        module.Account.objects.all().delete()
        module.connection.close()
    elif request.param == "flask":
        module = import_module("examples.hosts.flask_accounts")
        quick = partial(module.generate_password_hash, method="pbkdf2:sha256:1")
        monkeypatch.setattr(module, "generate_password_hash", quick)
        yield module.Home(file)
    else:
        db = Sqlite(file)
        made = import_module("examples.hosts.fastapi_accounts").Home(db)
        run_sync(made.prepare())
        yield made
        db.close()


def run(work: Any) -> Any:
    """Run a coroutine as the skeleton's server does."""
    django = sys.modules.get("examples.hosts.django_accounts")
    return django.run(work) if django else run_sync(work)


async def with_people(home: Any, *users: str) -> Any:
    for user in users:
        await home.create(user, "the hash of a password", ())
    return home


async def closed(home: Any, user_id: str) -> None:
    await home.deactivate(user_id, erase=False)


class TestKeeper(AccountKeeperContract):
    run = staticmethod(run)
    threads = True

    @pytest.fixture
    def keeper(self, home: Any) -> Any:
        return home

    @pytest.fixture
    def accounts(self, home: Any) -> Any:
        return home


class TestAccounts(AccountsContract):
    run = staticmethod(run)
    threads = True

    @pytest.fixture
    def accounts(self, home: Any) -> Any:
        return run(with_people(home, self.alice, self.bob))

    deactivate = closed


class TestCallers(CallersContract):
    run = staticmethod(run)
    unsupported = MappingProxyType(dict.fromkeys(("guest", "suspended", "oauth", "lock"), "these accounts have none"))

    @pytest.fixture
    def callers(self, home: Any) -> Any:
        return run(with_people(home, self.alice, self.bob))

    def token(self, callers: Any, user_id: str, kind: str = "") -> str:
        return str(run(callers.log_in(user_id, secrets.token_hex(4), None)).access_token)

    def end(self, callers: Any, token: str) -> None:
        run(callers.log_out(self.alice, None))
