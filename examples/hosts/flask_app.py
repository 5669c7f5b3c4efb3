"""Flask: ``python -m examples.hosts.flask_app --port 8008``."""

from __future__ import annotations

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from matrix_threepid.hosts import Wsgi

from .wiring import configured, in_background, tell

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """Stand for everything else you serve."""
    return "Hello from Flask"


class Prompt(WSGIRequestHandler):
    """Sends what is written at once (``TCP_NODELAY``)."""

    disable_nagle_algorithm = True


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    config = configured(__doc__)
    server = make_server(*config.address, app, threaded=True, request_handler=Prompt)
    with server, in_background(config, server.server_port) as (accounts, run):
        app.wsgi_app = accounts.on(Wsgi, app.wsgi_app, run=run)  # type: ignore[method-assign]
        tell(config, server.server_port)
        server.serve_forever()


if __name__ == "__main__":
    main()
