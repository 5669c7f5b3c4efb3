"""Adapters that serve the endpoints under ASGI, WSGI and Twisted, and drivers of the recurring jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from ..net.sockets import listener as listener
    from ._kept import keeping_house as keeping_house
    from ._proxies import ClientHeader as ClientHeader
    from ._shared import check_length as check_length
    from ._shared import client_of as client_of
    from ._shared import framed as framed
    from ._shared import incident as incident
    from ._shared import joined as joined
    from ._shared import our_path as our_path
    from ._shared import refused as refused
    from .asgi import App as App
    from .asgi import Asgi as Asgi
    from .asgi import Receive as Receive
    from .asgi import Scope as Scope
    from .asgi import Send as Send
    from .housekeeping import keep_house as keep_house
    from .housekeeping import keep_house_in_threads as keep_house_in_threads
    from .housekeeping import keep_house_in_trio as keep_house_in_trio
    from .twisted import ThreepidResource as ThreepidResource
    from .twisted import respond as respond
    from .twisted import site as site
    from .twisted import write as write
    from .twisted_jobs import keep_house_in_twisted as keep_house_in_twisted
    from .uvicorn import UvicornHttp as UvicornHttp
    from .uvicorn import served_by_uvicorn as served_by_uvicorn
    from .wsgi import Wsgi as Wsgi

_HOMES = {
    ".asgi": ("App", "Asgi", "Receive", "Scope", "Send"),
    ".housekeeping": ("keep_house", "keep_house_in_threads", "keep_house_in_trio"),
    ".twisted": ("ThreepidResource", "respond", "site", "write"),
    ".twisted_jobs": ("keep_house_in_twisted",),
    ".uvicorn": ("UvicornHttp", "served_by_uvicorn"),
    ".wsgi": ("Wsgi",),
    "._kept": ("keeping_house",),
    "._proxies": ("ClientHeader",),
    "._shared": ("check_length", "client_of", "framed", "incident", "joined", "our_path", "refused"),
    "..net.sockets": ("listener",),
}
__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
