"""Mounts the service among Synapse's resources: at a path of its own, or in front of the client endpoints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..service import Service
from .private import Inside

if TYPE_CHECKING:
    from synapse.module_api import ModuleApi


def mount(api: ModuleApi, service: Service, path: str, cut: str = "", logged: str | None = None) -> None:
    """Serve everything below ``path`` on all listeners.

    * ``cut``: the beginning of the path that is removed before the service sees it.
    * ``logged``: what Synapse logs in place of the path of a request; by default the path.
    """
    from synapse.module_api import DirectServeJsonResource

    class Threepids(DirectServeJsonResource):  # type: ignore[misc,unused-ignore]
        """A resource of Synapse's, for its log contexts and metrics; the service gets each request unchanged."""

        isLeaf = True  # noqa: N815  the name is Twisted's

        async def _async_render(self, request: Any) -> None:
            await _answer(service, request, cut, logged)

    api.register_web_resource(path, Threepids())


def mount_separately(api: ModuleApi, service: Service) -> None:
    """Serve the endpoints on all listeners without Synapse's client endpoints."""
    for path in sorted({"/".join(path.split("/")[:5]) for path in service.table.paths}):
        mount(api, service, path)


def serve_first(inside: Inside, service: Service) -> None:
    """Serve the endpoints on all client listeners, before Synapse's own endpoints."""

    async def answer(request: Any) -> None:
        await _answer(service, request)

    def register(resource: Any) -> None:
        for path, methods in service.table.paths.items():
            # The pattern must differ in text from Synapse's own, whose entry would replace it otherwise.
            pattern = re.compile(f"^{re.escape(path)}/?$")
            for method, declared in methods.items():
                resource.register_paths(method, (pattern,), answer, f"Threepids.{declared.name}")

    inside.serve_first(register)


async def _answer(service: Service, request: Any, cut: str = "", logged: str | None = None) -> None:
    from ..hosts.twisted import respond, write

    path = request.path.decode("ascii", "replace").removeprefix(cut)
    try:
        response = await respond(service, request, path=path)
    finally:
        # Keeps the tokens of links out of Synapse's log, also where it logs that the call was cancelled.
        request.uri = request.path if logged is None else logged.encode()
    write(request, response)
