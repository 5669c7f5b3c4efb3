"""The versions in the paths of an endpoint, and the releases of the specification that added and deprecated them.

See https://spec.matrix.org/latest/#specification-versions.
"""

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
    """The versions of an endpoint of the client-server API.

    * ``r0``: the release that has it first below ``/r0``, such as ``r0.6.0``; ``None`` (default) if none has.
    * ``v3``: the release that has it first below ``/v3``, such as ``v1.1``; ``None`` (default) if none has.
    * ``unstable``: whether it is served below ``/unstable``; default ``True``.
    * ``bare``: whether it is served without a version, as ``/versions`` is; default ``False``.
    * ``deprecated``: the release that deprecates it; ``None`` (default) if none does.
    * ``also``: further paths with the same behaviour, such as that of a draft; default none.

    Raises ``ConfigurationError`` for a release that is not in ``RELEASES``, and for releases out of order.

    >>> History(r0="r0.6.0", v3="v1.1").since
    {'r0': 'r0.6.0', 'v3': 'v1.1', 'unstable': None}
    """

    r0: str | None = None
    v3: str | None = None
    unstable: bool = True
    bare: bool = False
    deprecated: str | None = None
    also: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        releases = [release for release in (self.r0, self.v3) if release is not None]
        # Deprecated in the release that has it first at the earliest.
        retired = [*releases[:1], *filter(None, (self.deprecated,))]
        for release in (*releases, *retired):
            if release not in RELEASES:
                raise ConfigurationError(f"{release}: must be a release of the specification")
        if any(order != sorted(order, key=RELEASES.index) for order in (releases, retired)):
            raise ConfigurationError(f"{self}: releases are out of order")

    @property
    def since(self) -> dict[str, str | None]:
        """The release by the version in the path: ``r0``, ``v3``, ``unstable``, or empty; ``None`` for the last two."""
        known = {"r0": self.r0, "v3": self.v3, "unstable": self.unstable, "": self.bare}
        return {version: since if isinstance(since, str) else None for version, since in known.items() if since}


@frozen
class IdentityHistory:
    """The versions of an endpoint of the identity API.

    * ``v1``: the release that has it first below ``/api/v1``; ``None`` (default) if none has.
    * ``v2``: the release that has it first below ``/v2``; ``None`` (default) if none has.
    * ``deprecated``: the release that deprecates it; ``None`` (default) if none does.
    * ``also``: further paths with the same behaviour; default none.

    >>> IdentityHistory(v2="r0.3.0").since
    {'v2': 'r0.3.0'}
    """

    v1: str | None = None
    v2: str | None = None
    deprecated: str | None = None
    also: tuple[str, ...] = ()

    @property
    def since(self) -> dict[str, str | None]:
        """The release by the version in the path: ``api/v1``, ``v2``."""
        known = {"api/v1": self.v1, "v2": self.v2}
        return {version: release for version, release in known.items() if release}


@frozen
class FederationHistory:
    """The versions of an endpoint of the server-server API.

    * ``v1``: the release that has it first below ``/v1``.
    * ``deprecated``: the release that deprecates it; ``None`` (default) if none does.
    * ``also``: further paths with the same behaviour; default none.

    >>> FederationHistory(v1="r0.1.0").since
    {'v1': 'r0.1.0'}
    """

    v1: str
    deprecated: str | None = None
    also: tuple[str, ...] = ()

    @property
    def since(self) -> dict[str, str | None]:
        """The release by the version in the path: ``v1``."""
        return {"v1": self.v1}
