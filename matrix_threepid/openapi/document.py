"""The OpenAPI 3.1 document of a table of endpoints.

Source: `OpenAPI 3.1 <https://spec.openapis.org/oas/v3.1.0>`__.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from .._version import __version__
from ..protocol.endpoint import Access, Endpoint, Table
from ..protocol.errors import IdentityServerRefused, LimitExceeded, MatrixError, UiaRequired, Unavailable
from ..protocol.members import members
from .schemas import UIA_STATE, doc_of, error_schema, member_schema, reply_schema, request_schema

_ABOUT = (
    "Members that are not listed are ignored, and null stands for an optional member that is absent. "
    "HEAD is answered wherever GET is, OPTIONS everywhere."
)
_TOKEN: dict[str, list[str]] = {"accessToken": []}
_SECURITY = {Access.ANYONE: [], Access.OPTIONAL: [{}, _TOKEN], Access.USER: [_TOKEN]}
_HTML = {"text/html": {"schema": {"type": "string"}}}
_FORM = "application/x-www-form-urlencoded"
_NOT_NOW = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer", "minimum": 1}}}
_ONWARD = {"Location": {"description": "where the browser goes on to", "schema": {"type": "string"}}}


def document(table: Table) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of a role, with every path of every version, as plain JSON values."""
    paths: dict[str, dict[str, Any]] = {}
    for declared in table.endpoints:
        for number, path in enumerate(declared.paths):
            paths.setdefault(table.prefix + path, {})[declared.method.lower()] = _operation(table, declared, number)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Third-party identifiers for Matrix", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(_schemas(table).items())),
            "securitySchemes": {"accessToken": {"type": "http", "scheme": "bearer"}},
        },
    }


def errors_by_status(declared: Endpoint) -> Iterator[tuple[int, list[type[MatrixError]]]]:
    """Yield each status other than 200 that an endpoint may answer with, and its errors.

    Errors that are passed on from an identity server have no fixed status; see ``passes_on``.
    """
    known = (error for error in declared.possible_errors if error is not IdentityServerRefused)
    ordered = sorted(known, key=lambda error: (error.status, error.errcode))
    for status, errors in groupby(ordered, key=lambda error: error.status):
        yield status, list(errors)


def passes_on(declared: Endpoint) -> bool:
    """Return whether an endpoint may pass on the error of an identity server, with any status and errcode."""
    return IdentityServerRefused in declared.possible_errors


def _operation(table: Table, declared: Endpoint, number: int) -> dict[str, Any]:
    about = " ".join(declared.doc.split())
    operation: dict[str, Any] = {
        "operationId": _operation_id(declared, number),
        "summary": about.partition(".")[0],
        "description": about,
        "deprecated": declared.history.deprecated is not None,
        "security": _SECURITY[declared.access],
        "responses": _responses(table, declared),
    }
    parameters = [*_step(declared.path), *(() if declared.query is None else _query(declared.query))]
    if parameters:
        operation["parameters"] = parameters
    if declared.request is not None:
        operation["requestBody"] = {"required": True, "content": _request(declared, declared.request)}
    return operation


def _step(path: str) -> Iterator[dict[str, Any]]:
    step = path.rpartition("/")[2]
    if step.startswith("{"):
        yield {"name": step.strip("{}"), "in": "path", "required": True, "schema": {"type": "string"}}


def _query(message: type[Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": each.required, "schema": member_schema(each)}
        for name, each in members(message).items()
    ]


def _operation_id(declared: Endpoint, number: int) -> str:
    """Return the name of the endpoint with the version, and a number for further paths of one version."""
    versions = tuple(declared.history.since)
    further, which = divmod(number, len(versions))
    parts = (declared.name, versions[which], str(further + 1) if further else "")
    return "_".join(filter(None, parts))


def _request(declared: Endpoint, message: type[Any]) -> dict[str, Any]:
    content = _json(_ref(message.__name__))
    if declared.form:
        # No member is required, since the page's own form leaves some out, such as the client secret.
        properties = request_schema(message)["properties"]
        content[_FORM] = {"schema": {"type": "object", "properties": properties}}
    return content


def _responses(table: Table, declared: Endpoint) -> dict[str, Any]:
    good = _page("A page for people") if declared.reply is None else _answer(declared.reply)
    refused = {str(status): _error(table, declared, errors) for status, errors in errors_by_status(declared)}
    responses = {"200": good, **refused}
    if declared.reply is None or declared.form:
        responses = _with_pages(responses)
    if declared.form or declared.redirects:
        about = "Done; for the page's own form" if declared.form else "Done"
        responses["303"] = {"description": about, "headers": _ONWARD}
    other = "An error of the identity server, or any other" if passes_on(declared) else "Any other error"
    return {**responses, "default": {"description": other, "content": _json(_ref("MatrixError"))}}


def _with_pages(responses: dict[str, Any]) -> dict[str, Any]:
    """Add the HTML pages that browsers receive to the JSON responses that clients receive."""
    both: dict[str, Any] = {
        status: {**responses[status], "content": {**responses[status]["content"], **_HTML}}
        for status in ("200", "400")
        if status in responses
    }
    return {**responses, **both, "4XX": _page("A page that says why not")}


def _page(description: str) -> dict[str, Any]:
    return {"description": description, "content": _HTML}


def _answer(reply: type[Any]) -> dict[str, Any]:
    return {"description": doc_of(reply), "content": _json(_ref(reply.__name__))}


def _error(table: Table, declared: Endpoint, errors: list[type[MatrixError]]) -> dict[str, Any]:
    plain = [error for error in errors if not issubclass(error, UiaRequired)]
    # An identity server may have chosen the same status for an errcode of its own.
    shapes = [error_schema(plain, table.errcodes, others=passes_on(declared))] if plain else []
    if len(plain) < len(errors):
        shapes.append(_ref("UiaState"))
    described = [f"`{table.errcodes.get(error.errcode, error.errcode)}`: {error.message}." for error in plain]
    response: dict[str, Any] = {
        "description": "\n".join(described) or "User-interactive authentication is not finished.",
        "content": _json(shapes[0] if len(shapes) == 1 else {"anyOf": shapes}),
    }
    waits = any(issubclass(error, LimitExceeded | Unavailable) for error in errors)
    return {**response, "headers": _NOT_NOW} if waits else response


def _schemas(table: Table) -> dict[str, Any]:
    messages = filter(None, (declared.request for declared in table.endpoints))
    replies = filter(None, (declared.reply for declared in table.endpoints))
    return {
        "MatrixError": error_schema(),
        "UiaState": UIA_STATE,
        **{cls.__name__: request_schema(cls) for cls in messages},
        **{cls.__name__: reply_schema(cls) for cls in replies},
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
