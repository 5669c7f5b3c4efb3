"""Where an endpoint lives: its paths through the releases of the specification."""

from __future__ import annotations

from attrs import frozen

from .errors import ConfigurationError

RELEASES = (
    *(f"r0.{release}" for release in ("0.0", "0.1", "1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "6.1")),
    *(f"v1.{minor}" for minor in range(1, 21)),
)
"""Releases of the Matrix specification, oldest first."""


@frozen
class History:
    """Since which release an endpoint lives under ``/r0`` and ``/v3``, and whether ``/unstable`` has it too.

    ``bare``: whether it lives without a version, such as ``/versions``.
    ``also``: further paths with the same behaviour, such as one of a draft.
    """

    r0: str | None = None
    v3: str | None = None
    unstable: bool = True
    bare: bool = False
    deprecated: str | None = None
    also: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        releases = [release for release in (self.r0, self.v3) if release is not None]
        retired = [*releases[:1], *filter(None, (self.deprecated,))]
        for release in (*releases, *retired):
            if release not in RELEASES:
                raise ConfigurationError(f"{release} is no release of the specification")
        if any(order != sorted(order, key=RELEASES.index) for order in (releases, retired)):
            raise ConfigurationError(f"{self} is out of order")

    @property
    def since(self) -> dict[str, str | None]:
        """The version segments of the paths, and since when: ``r0``, ``v3``, ``unstable``, empty for a bare path."""
        known = {"r0": self.r0, "v3": self.v3, "unstable": self.unstable, "": self.bare}
        return {version: since if isinstance(since, str) else None for version, since in known.items() if since}


@frozen
class IdentityHistory:
    """Since which release an endpoint of the identity API lives under ``/api/v1`` and ``/v2``."""

    v1: str | None = None
    v2: str | None = None
    deprecated: str | None = None
    also: tuple[str, ...] = ()

    @property
    def since(self) -> dict[str, str | None]:
        """The version segments of the paths, and since when: out of ``api/v1``, ``v2``."""
        known = {"api/v1": self.v1, "v2": self.v2}
        return {version: release for version, release in known.items() if release}
