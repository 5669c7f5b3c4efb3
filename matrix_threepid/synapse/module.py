"""``Threepids``: the module itself. A part is on if the module's ``config`` has its section."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ..administration.table import administration_table
from ..deactivate import deactivate_threepids
from ..endpoints.callbacks import callback_table
from ..housekeeping import Job
from ..ports import system_clock
from ..protocol.errors import ConfigurationError
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from ..service import Service
from ..settings import read
from .bindings import UnbindGuard
from .fit import changes_accounts, ensure_fit, workers_change_accounts
from .host import OtherChanges, SynapseAdministrators
from .housekeeping import keep_house, run_in
from .own import Own, not_followed
from .private import Inside
from .resources import mount, mount_separately, serve_first
from .settings import ModuleSettings
from .shadow import Shadow
from .shadow_pairs import ShadowPairs
from .stages import OneAccount, take_over_stages
from .sweep import sweep
from .wiring import Prepared, Wiring

if TYPE_CHECKING:
    from synapse.module_api import ModuleApi

_SECOND = 1000
_PAIRS = 1000
"""The number of pairs that one run of a job deletes at most."""
_log = logging.getLogger("matrix_threepid.synapse")


class Threepids:
    """The class that Synapse loads as ``matrix_threepid.synapse.Threepids``. Raises Synapse's ``ConfigError``."""

    def __init__(self, config: Mapping[str, Any], api: ModuleApi) -> None:
        self._api = api
        try:
            self._set_up(config)
        except ConfigurationError as error:
            # Synapse prints the traceback of what keeps it from starting; for a setting, the message is what counts.
            sys.tracebacklimit = 0
            raise _config_error(str(error)) from None

    @staticmethod
    def parse_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the module's ``config`` after checking it. Raises Synapse's ``ConfigError``."""
        try:
            read(ModuleSettings, Own(mailbox="noreply@localhost").completed(config))
        except ConfigurationError as error:
            raise _config_error(str(error)) from None
        return config

    def _set_up(self, config: Mapping[str, Any]) -> None:
        settings = read(ModuleSettings, Own(mailbox="noreply@localhost").completed(config))
        ensure_fit(self._api, identity_servers=settings.needs_private, endpoints=settings.endpoints is not None)
        db = Prepared(self._api)
        self._api.delayed_background_call(0, partial(_prepare, db), desc="matrix_threepid_schema")
        # What Synapse's settings add to ``identity_servers`` does not switch that part on.
        serves = settings.endpoints in ("client", "separate") or config.get("identity_servers") is not None
        sending: list[Role] = []
        if settings.delegate_path is not None:
            sending.append(self._delegate(Wiring(settings, self._api, db), settings.delegate_path, alone=not serves))
        if settings.needs_private:
            inside = Inside.of(self._api)
            wiring = Wiring(read(ModuleSettings, inside.own().completed(config)), self._api, db)
            if settings.endpoints == "shadow":
                self._shadow(wiring, inside)
            if serves:
                sending.insert(0, self._homeserver(wiring, inside))
            if self._api.should_run_background_tasks():
                for name, why in not_followed(inside.files(), config):
                    _log.warning("%s of homeserver.yaml %s", name, why)
        if providers := settings.callback_providers():
            table = callback_table(*providers, also=sending[1:])
            # The path of Postmark holds a secret.
            mount(self._api, Service(sending[0], table), table.prefix, logged=table.prefix)
        # Whether or not the module is a shadow now: it may have been one, and its pairs hold addresses.
        keep_house(self._api, [_purge_pairs(db)])

    def _delegate(self, wiring: Wiring, path: str, *, alone: bool) -> Role:
        """Serve the requests that Synapse sends to ``account_threepid_delegates.msisdn``."""
        service = Service(wiring.delegate())
        mount(self._api, service, path, cut=path)
        if alone:
            # Otherwise the homeserver's jobs cover both: they share one table, and the delegate cannot send mails.
            keep_house(self._api, _jobs(service))
        return service.role

    def _homeserver(self, wiring: Wiring, inside: Inside) -> Role:
        """Replace unbinding and, if ``endpoints`` is set, serve the endpoints and stages."""
        audit = wiring.audit()
        homeserver = wiring.homeserver(inside, audit)
        service = Service(homeserver)
        changes = OtherChanges(homeserver)
        inside.replace_unbind(UnbindGuard(homeserver).unbind)
        self._api.register_third_party_rules_callbacks(
            on_user_deactivation_status_changed=partial(_left, homeserver),
            on_add_user_third_party_identifier=changes.added,
            on_remove_user_third_party_identifier=changes.removed,
        )
        if wiring.settings.endpoints in ("client", "separate"):
            self._serve(service, homeserver, inside, in_front=wiring.settings.endpoints == "client")
        jobs = [*_jobs(service, homeserver.policy.retrying.first)]
        swept = sweep(homeserver, wiring.db)
        if workers_change_accounts():
            jobs.append(swept)
        elif not self._api.worker_app:
            run_in(self._api, swept)
        if audit is not None and (path := wiring.settings.administration_path) is not None:
            table = administration_table(SynapseAdministrators(self._api), audit, prefix=path)
            if changes_accounts(self._api):
                mount(self._api, Service(homeserver, table), path)
            write, purge = audit.jobs()
            run_in(self._api, write)  # in every process: what each has heard waits in its memory
            jobs.append(purge)
        keep_house(self._api, jobs)
        return homeserver

    def _shadow(self, wiring: Wiring, inside: Inside) -> None:
        """Compare Synapse's answers with those that the module would give."""
        self._ensure_accounts(inside)
        service = Service(wiring.shadow(inside))
        Shadow(self._api, wiring.db, service).watch(inside)
        # In this process, whichever it is: what it has opened and counted is in its memory.
        run_in(self._api, Job(name="purge_shadow", every=300 * _SECOND, work=service.purge))

    def _ensure_accounts(self, inside: Inside) -> None:
        if (elsewhere := inside.accounts_elsewhere) is not None:
            raise ConfigurationError(f"endpoints: {elsewhere} has the accounts; see the docs")

    def _serve(self, service: Service, homeserver: Homeserver, inside: Inside, *, in_front: bool) -> None:
        self._ensure_accounts(inside)
        take_over_stages(homeserver, inside)
        self._api.register_spam_checker_callbacks(check_registration_for_spam=OneAccount(homeserver).judge)
        if not changes_accounts(self._api):
            _log.warning("workers of this version of Synapse do not serve the endpoints; see the docs")
        elif in_front:
            serve_first(inside, service)
        else:
            mount_separately(self._api, service)


def _jobs(service: Service, first_retry: int = 60 * _SECOND) -> Sequence[Job]:
    """Return the jobs of a service; an unbind is looked for several times before its first repetition is due."""
    retry_every = min(max(first_retry // 6, _SECOND), 10 * _SECOND)
    return service.jobs(deliver_every=2 * _SECOND, retry_every=retry_every)


def _purge_pairs(db: Prepared) -> Job:
    """Return the job that deletes the pairs of a shadow that are older than seven days."""
    pairs = ShadowPairs(db)
    return Job(
        name="purge_shadow_pairs",
        every=300 * _SECOND,
        work=lambda: pairs.purge(system_clock(), _PAIRS),
        limit=_PAIRS,
    )


async def _prepare(db: Prepared) -> None:
    """Create or migrate the tables when Synapse starts, so that a failure is in the log at once."""
    try:
        await db.prepare()
    except ConfigurationError as error:
        _log.critical("the tables of matrix_threepid cannot be used: %s", error)
    except Exception:
        _log.critical("the tables of matrix_threepid cannot be used", exc_info=True)


async def _left(homeserver: Homeserver, user_id: str, deactivated: bool, by_admin: bool) -> None:
    """Remove and unbind the identifiers of a user who was deactivated."""
    if deactivated:
        await deactivate_threepids(homeserver, user_id)


def _config_error(message: str) -> Exception:
    from synapse.module_api.errors import ConfigError

    class Refused(ConfigError):  # type: ignore[misc,unused-ignore]
        """A ``ConfigError`` whose text is its message, also where Synapse prints it like any other exception."""

        def __str__(self) -> str:
            return message

    # Synapse prints the full name of an exception before its text.
    Refused.__module__, Refused.__qualname__ = "matrix_threepid.synapse", "Refused"
    return Refused(message, ("matrix_threepid",))
