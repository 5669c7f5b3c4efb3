"""Runs the jobs of a service by Synapse's clock, each run as one of Synapse's background processes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..housekeeping import Job, Worker

if TYPE_CHECKING:
    from synapse.module_api import ModuleApi

_SOON = 1000
"""The ms after the start of Synapse at which jobs are run the first time: the tables are made before."""


def keep_house(api: ModuleApi, jobs: Sequence[Job]) -> None:
    """Run jobs, each at its own pace, in the process that runs Synapse's background tasks; in others do nothing.

    * ``api``: the ``ModuleApi`` that Synapse gives to modules.
    * ``jobs``: those of a service, and others.
    """
    if api.should_run_background_tasks():
        for job in jobs:
            run_in(api, job)


def run_in(api: ModuleApi, job: Job, ms: int = _SOON) -> None:
    """Run a job in this process after some ms, and from then on at its own pace."""
    name = f"matrix_threepid_{job.name.replace(' ', '_')}"
    api.delayed_background_call(ms, partial(_run, api, job), desc=name)


async def _run(api: ModuleApi, job: Job) -> None:
    """Run a job once, and see that it is run again, whatever has become of this run."""
    pause = job.every
    try:
        pause = await job.run_once(_at_once)
    finally:
        run_in(api, job, pause)


async def _at_once(workers: Sequence[Worker]) -> None:
    """Call workers at the same time, by Synapse's rules about log contexts."""
    from synapse.module_api import make_deferred_yieldable, run_in_background
    from twisted.internet.defer import DeferredList

    await make_deferred_yieldable(DeferredList([run_in_background(each) for each in workers], consumeErrors=True))
