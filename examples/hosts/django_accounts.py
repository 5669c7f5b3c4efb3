"""Django with accounts of its own, in one file to copy: ``python -m examples.hosts.django_accounts --port 8008``.

The library answers ``/register``, ``/account/password``, ``/account/deactivate`` and ``/account/3pid`` over three
models in the file that ``DATABASE`` names, ``accounts.db`` by default. Yours are ``/login`` (``docs/concepts.md`` has
one), ``/logout`` and all the rest. Mails are printed on the terminal; ``SmtpSender`` sends them. Nothing here
waits for an event loop: requests and jobs run in threads.
"""

# ruff: noqa: D106  Django's inner classes
from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
from argparse import ArgumentParser
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

import django
from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import IntegrityError, close_old_connections, connection, models, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from matrix_threepid import (
    AccountThreepid,
    AddOutcome,
    Caller,
    Homeserver,
    Medium,
    Owner,
    Policy,
    Request,
    Service,
    Threepid,
    run_sync,
)
from matrix_threepid.errors import InvalidUsername, ThreepidInUse, UnknownToken, UserInUse, WeakPassword
from matrix_threepid.hosts import Wsgi
from matrix_threepid.ports import LoggedIn
from matrix_threepid.senders import ConsoleSender
from matrix_threepid.settings import stored_peppers
from matrix_threepid.stores import SqlBindings, Sqlite, SqlLimits, SqlSessions, SqlUiaSessions, migrate

NAME = "example.org"
FILE = os.environ.get("DATABASE", "accounts.db")
settings.configure(  # your settings.py has these
    ALLOWED_HOSTS=["127.0.0.1"],
    AUTH_PASSWORD_VALIDATORS=[{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}],
    INSTALLED_APPS=[AppConfig("accounts", sys.modules[__name__])],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FILE}},
    PASSWORD_HASHERS=["django.contrib.auth.hashers.ScryptPasswordHasher"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_hex(),
)
django.setup()


class Account(models.Model):
    """An account; its name stays taken when it is deactivated."""

    user_id = models.CharField(max_length=255, primary_key=True)
    password = models.TextField(null=True)  # NULL once it is deactivated

    class Meta:
        app_label = "accounts"


class Token(models.Model):
    """An access token; only its hash is stored."""

    hash = models.CharField(max_length=64, primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE)
    device_id = models.TextField()

    class Meta:
        app_label = "accounts"


class Address(models.Model):
    """An address on an account; the constraint gives it one owner."""

    account = models.ForeignKey(Account, models.CASCADE)
    medium = models.CharField(max_length=16)
    address = models.CharField(max_length=512)
    spelling = models.TextField(null=True)
    validated_at = models.BigIntegerField()
    added_at = models.BigIntegerField()

    class Meta:
        app_label = "accounts"
        constraints = (models.UniqueConstraint(fields=("medium", "address"), name="one_owner"),)


class Home:
    """The ports ``Accounts``, ``Callers`` and ``AccountKeeper`` over three models."""

    # -- Accounts: who has which address ------------------------------------------------------------

    async def owner(self, threepid: Threepid) -> Owner | None:
        row = Address.objects.filter(medium=threepid.medium.value, address=threepid.address).first()
        return None if row is None else Owner(row.account_id, row.spelling)

    async def list(self, user_id: str) -> Sequence[AccountThreepid]:
        names = ("address", "spelling", "validated_at", "added_at")
        rows = Address.objects.filter(account=user_id).order_by("id").values("medium", *names)
        return [AccountThreepid(**{**row, "medium": Medium(row["medium"])}) for row in rows]

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        return _add(user_id, threepid)

    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        given = {"medium": threepid.medium.value, "address": threepid.address}
        return Address.objects.filter(account=user_id, **given).delete()[0] > 0

    # -- Callers: whose access token it is ----------------------------------------------------------

    async def identify(self, request: Request) -> Caller | None:
        if "authorization" not in request.headers:
            return None
        token = Token.objects.filter(hash=_token(request)).first()
        if token is None:
            raise UnknownToken
        return Caller(token.account_id)

    # -- AccountKeeper: accounts and their passwords ------------------------------------------------

    async def new_user_id(self, localpart: str | None) -> str:
        name = secrets.token_hex(8) if localpart is None else localpart
        if not re.fullmatch(r"[a-z0-9._=/+-]{1,200}", name):
            raise InvalidUsername
        if Account.objects.filter(pk=f"@{name}:{NAME}").exists():
            raise UserInUse
        return f"@{name}:{NAME}"

    async def create(self, user_id: str, password_hash: str, threepids: Sequence[AccountThreepid]) -> None:
        with transaction.atomic():
            try:
                with transaction.atomic():
                    Account.objects.create(user_id=user_id, password=password_hash)
            except IntegrityError:
                raise UserInUse from None
            for threepid in threepids:
                if _add(user_id, threepid) is not AddOutcome.ADDED:
                    raise ThreepidInUse  # and there is no account, since an exception undoes the transaction

    async def log_in(self, user_id: str, device_id: str, display_name: str | None) -> LoggedIn:
        token = secrets.token_urlsafe(32)
        with transaction.atomic():
            Token.objects.filter(account=user_id, device_id=device_id).delete()
            Token.objects.create(hash=_sha256(token), account_id=user_id, device_id=device_id)
        return LoggedIn(access_token=token)

    async def hash_password(self, password: str) -> str:
        try:
            validate_password(password)
        except ValidationError:
            raise WeakPassword from None
        return make_password(password)

    async def hash_fits(self, password: str, password_hash: str) -> bool:
        return check_password(password, password_hash)

    async def password_fits(self, user_id: str, password: str) -> bool:
        account = Account.objects.filter(pk=user_id, password__isnull=False).first()
        if account is None:
            make_password(password)  # which takes as long as with one
            return False
        return check_password(password, account.password)

    async def set_password(self, user_id: str, password_hash: str) -> None:
        Account.objects.filter(pk=user_id, password__isnull=False).update(password=password_hash)

    async def log_out(self, user_id: str, keep: Request | None) -> None:
        Token.objects.filter(account=user_id).exclude(hash=_token(keep) if keep else "").delete()

    async def deactivate(self, user_id: str, erase: bool) -> None:
        with transaction.atomic():
            Account.objects.filter(pk=user_id).update(password=None)
            Token.objects.filter(account=user_id).delete()
            Address.objects.filter(account=user_id).delete()


@transaction.atomic
def _add(user_id: str, it: AccountThreepid) -> AddOutcome:
    # Writes, although it changes nothing: so a deactivation comes before or after this, in every database.
    if not Account.objects.filter(pk=user_id, password__isnull=False).update(password=models.F("password")):
        return AddOutcome.TAKEN
    more = {"account_id": user_id, "spelling": it.spelling, "validated_at": it.validated_at, "added_at": it.added_at}
    row, is_new = Address.objects.get_or_create(medium=it.medium.value, address=it.address, defaults=more)
    if is_new:
        return AddOutcome.ADDED
    return AddOutcome.ALREADY_YOURS if row.account_id == user_id else AddOutcome.TAKEN


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _token(request: Request) -> str:
    """Return what is stored of a request's access token; an empty text without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return _sha256(token) if scheme.lower() == "bearer" else ""


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine as Django runs a view: its connections to the database are closed afterwards if they are old."""
    try:
        return run_sync(work)
    finally:
        close_old_connections()


def prepare() -> None:
    """Create the tables of the models; in a project, ``manage.py migrate`` does this."""
    with connection.schema_editor() as editor:
        for model in (Account, Token, Address):
            if model._meta.db_table not in connection.introspection.table_names():
                editor.create_model(model)


def application(file: str, url: str) -> Wsgi:
    """Return the application: the library's endpoints in front of yours, and its jobs beside them.

    * ``file``: the database of SQLite; its key is beside it.
    * ``url``: where clients reach the server; links lead there.
    """
    db = Sqlite(file)
    run_sync(migrate(db))
    prepare()
    home = Home()
    homeserver = Homeserver(
        server_name=NAME,
        accounts=home,
        callers=home,
        keeper=home,
        peppers=stored_peppers(Path(f"{file}.key")),
        policy=Policy(public_base_url=url),
        senders={Medium.EMAIL: ConsoleSender()},
        registration_flows=[["m.login.email.identity"]],  # who registers proves an address
        sessions=SqlSessions(db),
        uia_sessions=SqlUiaSessions(db),
        bindings=SqlBindings(db),
        limiter=SqlLimits(db),
    )
    return Wsgi(Service(homeserver), get_wsgi_application(), run=run, keep=True)


def hello(request: HttpRequest) -> HttpResponse:
    """Stand for everything else you serve."""
    return HttpResponse("Hello from Django")


urlpatterns = [path("", hello)]


class Prompt(WSGIRequestHandler):
    """Sends what is written at once (``TCP_NODELAY``)."""

    disable_nagle_algorithm = True


def main() -> None:
    """Serve until SIGINT; in production gunicorn or waitress serves ``application``."""
    os.umask(0o077)  # the database has the hashes of passwords
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8008, help="on loopback; 0 takes a free one")
    wanted = parser.parse_args().port
    with make_server("127.0.0.1", wanted, hello, ThreadedWSGIServer, Prompt) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        server.set_app(application(FILE, url))
        print(f"listening on {url}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
