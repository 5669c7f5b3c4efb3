"""Django: ``python -m examples.hosts.django_app --port 8008``."""

from __future__ import annotations

import secrets
from wsgiref.simple_server import make_server

from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from matrix_threepid.hosts import Wsgi

from .wiring import configured, in_background, tell


def hello(request: HttpRequest) -> HttpResponse:
    """Stand for everything else you serve."""
    return HttpResponse("Hello from Django")


urlpatterns = [path("", hello)]


class Prompt(WSGIRequestHandler):
    """Sends what is written at once (``TCP_NODELAY``)."""

    disable_nagle_algorithm = True


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    config = configured(__doc__)
    settings.configure(ROOT_URLCONF=__name__, SECRET_KEY=secrets.token_hex(), ALLOWED_HOSTS=[config.address[0]])
    site = get_wsgi_application()
    server = make_server(*config.address, site, ThreadedWSGIServer, Prompt)
    with server, in_background(config, server.server_port) as (accounts, run):
        server.set_app(accounts.on(Wsgi, site, run=run))
        tell(config, server.server_port)
        server.serve_forever()


if __name__ == "__main__":
    main()
