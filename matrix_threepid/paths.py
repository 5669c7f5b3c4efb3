"""Where the library's own pages and submit endpoints live: one path a medium, under the policy's base URL."""

from __future__ import annotations

from .model.threepid import Medium
from .policy import Policy

PREFIX = "/_matrix/client"
"""Prefix of every homeserver endpoint."""


def submit_path(medium: Medium) -> str:
    """Return the path, below a version, of the link page and of ``submit_url`` alike."""
    return f"/threepid/{medium.value}/submit_token"


def confirmed_path(medium: Medium) -> str:
    """Return the path, below a version, of the page people see after they confirmed."""
    return f"/threepid/{medium.value}/confirmed"


def submit_url(policy: Policy, medium: Medium) -> str:
    """Return the URL that links lead to and that clients post tokens to."""
    return f"{policy.public_base_url}{PREFIX}/unstable{submit_path(medium)}"
