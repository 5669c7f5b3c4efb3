"""Hosts that are broken on purpose, each in one way; ``test_broken_hosts.py`` runs this file and expects failures."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from attrs import evolve, frozen

from matrix_threepid import run_sync
from matrix_threepid.hosts import wsgi
from matrix_threepid.hosts.wsgi import Environ, Wsgi
from matrix_threepid.protocol.wire import CORS, Request, Response
from matrix_threepid.service import Service
from matrix_threepid.testing import HostContract

from .serving import werkzeug_serving

PEEKED = 1 << 30


@frozen
class _Between:
    """A service that is handed other requests than came."""

    service: Service
    change: Callable[[Request], Request]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.service, name)

    async def handle(self, request: Request) -> Response:
        return await self.service.handle(self.change(request))


class _Changed(Wsgi):
    """Our host with one thing changed: the environment, the request, or the answer."""

    def __init__(self, service: Service, client_header: str | None = None) -> None:
        between: Any = _Between(service, self.request)
        super().__init__(between, client_header=client_header)

    def environ(self, environ: Environ) -> Environ:
        return environ

    def request(self, request: Request) -> Request:
        return request

    def response(self, response: Response) -> Response:
        return response

    def __call__(self, environ: Environ, start_response: Any) -> Any:
        return super().__call__(self.environ(environ), start_response)

    def _respond(self, environ: Environ, path: str) -> Response:
        return self.response(super()._respond(environ, path))


class DropsTheQuery(_Changed):
    def request(self, request: Request) -> Request:
        return evolve(request, query="")


class DecodesTheQuery(_Changed):
    def request(self, request: Request) -> Request:
        return evolve(request, query=request.query.replace("%20", " "))


class TakesBodiesForText(_Changed):
    def request(self, request: Request) -> Request:
        return evolve(request, body=request.body.decode("utf-8", "replace").encode())


class KeepsTheFirstToken(_Changed):
    def request(self, request: Request) -> Request:
        return evolve(request, headers={name: value.split(",")[0] for name, value in request.headers.items()})


class BelievesEveryProxy(_Changed):
    def request(self, request: Request) -> Request:
        said = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        return evolve(request, client=said or request.client)


class BelievesTheFirstEntry(_Changed):
    def request(self, request: Request) -> Request:
        said = request.headers.get("x-forwarded-for", "").partition(",")[0]
        return evolve(request, client=said) if self._client_header and said else request


class ForgetsWhoAsked(_Changed):
    def request(self, request: Request) -> Request:
        return evolve(request, client=None)


class TakesEncodedSlashesForSlashes(_Changed):
    def environ(self, environ: Environ) -> Environ:
        return {name: value for name, value in environ.items() if name not in ("RAW_URI", "REQUEST_URI")}


class ReadsBeforeItLooks(_Changed):
    def environ(self, environ: Environ) -> Environ:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return {**environ, "wsgi.input": BytesIO(body)} if body else environ


class TakesHalfABody(_Changed):
    def environ(self, environ: Environ) -> Environ:
        announced = int(environ.get("CONTENT_LENGTH") or 0)
        if not 0 < announced <= self._service.role.policy.max_body:
            return environ
        body = environ["wsgi.input"].read(announced)
        return {**environ, "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}


class AsksThePolicyForTheBound(_Changed):
    def environ(self, environ: Environ) -> Environ:
        much = int(environ.get("CONTENT_LENGTH") or 0) > self._service.role.policy.max_body
        return {**environ, "CONTENT_LENGTH": "999999999"} if much else environ


class IsForEveryBrowser(_Changed):
    def response(self, response: Response) -> Response:
        return evolve(response, headers=(*response.headers, *CORS))


class AlwaysSaysOk(_Changed):
    def response(self, response: Response) -> Response:
        return evolve(response, status=200)


class ForgetsTheHeaders(_Changed):
    def response(self, response: Response) -> Response:
        kept = (*CORS, *(each for each in response.headers if each[0] == "Content-Type"))
        return evolve(response, headers=kept)


class KeepsErrorsFromBrowsers(_Changed):
    def response(self, response: Response) -> Response:
        return response if response.status < 400 else evolve(response, headers=response.headers[:1])


class AsksWhoMakesAPreflight(_Changed):
    def request(self, request: Request) -> Request:
        return evolve(request, method="GET") if request.method == "OPTIONS" else request


class GivesHeadABody(_Changed):
    def __call__(self, environ: Environ, start_response: Any) -> Any:
        answered = super().__call__(environ, start_response)
        return [b"{}"] if environ["REQUEST_METHOD"] == "HEAD" else answered


class TellsTheBug(_Changed):
    def _respond(self, environ: Environ, path: str) -> Response:
        try:
            return run_sync(self._service.handle(wsgi.read_request(environ, PEEKED)))
        except Exception as bug:
            return Response(500, CORS, json.dumps({"errcode": "M_UNKNOWN", "error": repr(bug)}).encode())


CAUGHT_BY: dict[type[Wsgi], str] = {
    DropsTheQuery: "test_a_request_arrives_as_it_was_sent",
    DecodesTheQuery: "test_a_request_arrives_as_it_was_sent",
    TakesBodiesForText: "test_a_request_arrives_as_it_was_sent",
    KeepsTheFirstToken: "test_of_two_tokens_neither_wins",
    BelievesEveryProxy: "test_a_proxy_is_not_believed_by_default",
    BelievesTheFirstEntry: "test_a_proxy_is_believed_when_told_to",
    ForgetsWhoAsked: "test_a_proxy_is_not_believed_by_default",
    TakesEncodedSlashesForSlashes: "test_an_encoded_slash_is_no_slash",
    ReadsBeforeItLooks: "test_a_body_announced_as_too_large_is_not_waited_for",
    TakesHalfABody: "test_half_a_body_is_no_request",
    AsksThePolicyForTheBound: "test_a_table_may_have_a_bound_of_its_own",
    IsForEveryBrowser: "test_a_table_may_be_closed_to_browsers",
    AlwaysSaysOk: "test_errors_keep_status_and_code",
    ForgetsTheHeaders: "test_an_answer_comes_back_as_it_is",
    KeepsErrorsFromBrowsers: "test_every_answer_is_for_web_clients_too",
    AsksWhoMakesAPreflight: "test_options_is_answered_for_everybody",
    GivesHeadABody: "test_head_is_get_without_a_body",
    TellsTheBug: "test_a_bug_is_told_by_name_only",
}


def _under_contract(broken: Any) -> type:
    def serve(self: object) -> Any:
        return lambda service, header=None: werkzeug_serving(broken(service, header))

    return type(f"Test{broken.__name__}", (HostContract,), {"serve": pytest.fixture(serve), "patience": 2})


globals().update({case.__name__: case for case in map(_under_contract, CAUGHT_BY)})
