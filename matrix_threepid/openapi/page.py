"""A table of endpoints as a page of the docs, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..protocol.endpoint import Endpoint, Table
from ..protocol.errors import ChallengeRequired, MatrixError, UiaRequired
from ..protocol.members import Nested, members
from .document import errors_by_status, passes_on
from .schemas import doc_of, member_doc, reply_schema

_HEAD = """\
# {title}

This page is generated from the declarations in the code by `python -m matrix_threepid endpoints{option}`; a test fails
when the two differ. `python -m matrix_threepid openapi{option}` prints the same facts as an OpenAPI 3.1 document.

Every body is a JSON object. Members that are not listed are ignored, and `null` stands for an optional member that
is absent. HEAD is answered wherever GET is, OPTIONS everywhere. An endpoint that cannot work in a host's wiring
answers 404 `M_UNRECOGNIZED`, unless its list of errors has a better word for it. [Errors](errors.md) says what
each errcode means.
"""
_STATES: dict[type[MatrixError], str] = {
    UiaRequired: "the state of user-interactive authentication",
    ChallengeRequired: "the challenge of the host's `Gate`",
}


def endpoints_page(table: Table, title: str = "Endpoints", option: str = "") -> str:
    """Return the page: an overview, then for each endpoint its paths, members, responses and errors.

    * ``table``: the endpoints.
    * ``title``: the heading of the page.
    * ``option``: the option of the command that prints the same, with a blank before it.
    """
    rows = [
        (f"[{_title(each)}](#{each.name})", each.access.value, each.charged.value, "yes" if each.uia else "no")
        for each in table.endpoints
    ]
    overview = _table(("endpoint", "access", "limit", "user-interactive authentication"), rows)
    return "\n".join(
        (
            _HEAD.format(title=title, option=option),
            overview,
            *(_section(table, each) for each in table.endpoints),
        )
    )


def _section(table: Table, declared: Endpoint) -> str:
    return "\n".join(
        (
            f"({declared.name})=\n## {_title(declared)}\n",
            f"{' '.join(declared.doc.split())}\n",
            *(f"* {fact}" for fact in _facts(table.prefix, declared)),
            "",
            *_members(declared),
            _answer(declared),
            _table(("status", "errcodes"), _errors(table, declared)),
        )
    )


def _title(declared: Endpoint) -> str:
    old = ", deprecated" if declared.history.deprecated else ""
    return f"{declared.method} {declared.path}{old}"


def _facts(prefix: str, declared: Endpoint) -> Iterator[str]:
    history = declared.history
    releases = list(history.since.values())
    for number, path in enumerate(declared.paths):
        further, which = divmod(number, len(releases))
        since = f" since {releases[which]}" if releases[which] else ""
        yield f"`{prefix}{path}`" + (" in no release" if further else since)
    if history.deprecated:
        yield f"deprecated since {history.deprecated}"
    yield f"access: {declared.access.value}"
    yield f"limit: {declared.charged.value}"
    if declared.uia:
        yield "needs user-interactive authentication"


def _members(declared: Endpoint) -> Iterator[str]:
    if declared.request is not None:
        yield _table(("member", "needed", "rule", "meaning"), _rows(declared.request))
    if declared.form:
        yield "The form of the page is taken as well, and answered with a page or a redirect.\n"


def _rows(cls: type[Any], within: str = "") -> Iterator[tuple[str, ...]]:
    """Yield a row a member; those of a nested object follow it, as ``outer.inner``."""
    for name, each in members(cls).items():
        yield f"`{within}{name}`", "yes" if each.required else "no", each.rule.words, member_doc(each)
        if isinstance(each.rule, Nested):
            yield from _rows(each.rule.cls, f"{within}{name}.")


def _answer(declared: Endpoint) -> str:
    if declared.reply is None:
        return "Answers with a page.\n"
    shape = reply_schema(declared.reply)
    if not shape["properties"]:
        return "Answers 200 with `{}`.\n"
    always = _names(shape["required"])
    at_times = _names(name for name in shape["properties"] if name not in shape["required"])
    return f"Answers 200 with {always}{at_times and f' and at times {at_times}'}. {doc_of(declared.reply)}\n"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _errors(table: Table, declared: Endpoint) -> Iterator[tuple[str, str]]:
    for status, errors in errors_by_status(declared):
        names = (_STATES.get(error, f"`{table.errcodes.get(error.errcode, error.errcode)}`") for error in errors)
        yield str(status), ", ".join(names)
    if passes_on(declared):
        yield "any", "the identity server's own"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
