"""Pages for people as responses: in the language of the browser, with the host's brand, and with what protects them."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.call import Call
from ..model.next_link import origin_of
from ..protocol.wire import Response
from ..roles.base import Role
from ..texts.pages import page_response


def page(
    role: Role,
    call: Call,
    name: str,
    status: int,
    values: Mapping[str, str] | None = None,
    leads_to: str | None = None,
) -> Response:
    """Return a page in the language of the browser.

    * ``role``: gives the pages, the languages and the brand.
    * ``call``: the call, for its ``Accept-Language``.
    * ``name``: the name of the page.
    * ``status``: the HTTP status.
    * ``values``: the values of the page besides ``server`` and those of the brand; default none.
    * ``leads_to``: the URL to which the answer to its form redirects, which ``form-action`` must allow (SEC-131);
      ``None`` (default) for this server.
    """
    language = call.request.best_language(role.policy.languages)
    brand = role.policy.brand
    document = role.pages.render(name, language, {**host_values(role), **(values or {})})
    own = {"styles": styles} if (styles := getattr(role.pages, "styles", None)) is not None else {}
    images = [*getattr(role.pages, "images", ()), *filter(None, (brand.logo,))]
    return page_response(status, document, form_targets=_targets(role, leads_to), images=images, **own)


def host_values(role: Role) -> dict[str, str]:
    """Return the values of every page: the name of the server, and the brand."""
    brand = role.policy.brand
    return {
        "server": role.server_name,
        "brand": brand.name or role.server_name,
        "logo": brand.logo or "",
        "support": brand.support or "",
        "support_link": brand.support_link,
    }


def _targets(role: Role, leads_to: str | None) -> tuple[str, ...]:
    """Return where a form may lead: browsers check every redirect behind ``next_link`` as well, not only the first."""
    if leads_to is None:
        return ()
    origin = origin_of(leads_to)
    return ("https:",) if origin.startswith("https:") else ("https:", origin)
