"""Our endpoints among Synapse's resources: at a path of their own, or in front of its client endpoints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..service import Service
from .private import Inside

if TYPE_CHECKING:
    from synapse.module_api import ModuleApi


def mount(api: ModuleApi, service: Service, path: str, cut: str = "") -> None:
    """Serve everything below ``path``, on all listeners; ``cut``: the part of it the service does not know."""
    from synapse.module_api import DirectServeJsonResource

    class Threepids(DirectServeJsonResource):  # type: ignore[misc,unused-ignore]
        """Synapse's own resource, for its log contexts and metrics; requests go to the service as they are."""

        isLeaf = True  # noqa: N815  the name is Twisted's

        async def _async_render(self, request: Any) -> None:
            await _answer(service, request, cut)

    api.register_web_resource(path, Threepids())


def mount_separately(api: ModuleApi, service: Service) -> None:
    """Serve the endpoints on all listeners that have no client endpoints of Synapse's."""
    for path in sorted({"/".join(path.split("/")[:5]) for path in service.table.paths}):
        mount(api, service, path)


def serve_first(inside: Inside, service: Service) -> None:
    """Serve the endpoints on the listeners for clients, in front of Synapse's own."""

    async def answer(request: Any) -> None:
        await _answer(service, request)

    def register(resource: Any) -> None:
        for path, methods in service.table.paths.items():
            # With a text like Synapse's own, its entry would replace ours.
            pattern = re.compile(f"^{re.escape(path)}/?$")
            for method, declared in methods.items():
                resource.register_paths(method, (pattern,), answer, f"Threepids.{declared.name}")

    inside.serve_first(register)


async def _answer(service: Service, request: Any, cut: str = "") -> None:
    from ..hosts.twisted import respond, write

    path = request.path.decode("ascii", "replace").removeprefix(cut)
    response = await respond(service, request, path=path)
    request.uri = request.path  # so that no token of a link gets into Synapse's log
    write(request, response)
