"""A session of user-interactive authentication, as a value: what is asked for, and which stages are completed.

See https://spec.matrix.org/latest/client-server-api/#user-interactive-authentication-api.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import attrs
from attrs import field, frozen

from ..protocol.members import redacted

LIFETIME = 15 * 60_000
"""The ms that a session lives from its opening, and again from each stage that is completed."""


@frozen(kw_only=True)
class UiaSession:
    """One session of user-interactive authentication.

    * ``id``: its id, 128 random bits; the id that its client knows has a MAC of it besides, which is not stored.
    * ``subject``: a MAC of the action and of the user who asks; the session serves no other.
    * ``kept``: the members of the first body that the action needs, as a JSON object without secrets; clients may leave
      them out of later bodies.
    * ``password_hash``: what the host stores of the password in the first body; ``None`` if there was none.
    * ``completed``: the completed stages as a JSON object, each with what its check gave to keep, or ``null``.
    * ``user_id``: the user the host acts for, stored right before it acts; ``None`` before.
    * ``device_id``: the device that a registration logs in; ``None`` for none.
    * ``done_at``: the ms of the wall clock at which the host had acted; ``None`` before.
    * ``expires_at``: the ms of the wall clock at which the session ends.
    * ``revision``: the number of changes; a store replaces a session only by the one with the next revision.
    """

    id: str = field(repr=redacted)
    subject: str = field(repr=redacted)
    kept: str = field(default="{}", repr=redacted)
    password_hash: str | None = field(default=None, repr=redacted)
    completed: str = field(default="{}", repr=redacted)
    user_id: str | None = None
    device_id: str | None = None
    done_at: int | None = None
    expires_at: int
    revision: int = 0

    def alive(self, now: int) -> bool:
        """Whether the session may be used at the time ``now``."""
        return now < self.expires_at

    @property
    def members(self) -> dict[str, object]:
        """The members kept of the first body."""
        return dict(json.loads(self.kept))

    def text(self, name: str) -> str | None:
        """Return a member kept of the first body if it is a string, else ``None``."""
        value = self.members.get(name)
        return value if isinstance(value, str) else None

    @property
    def stages(self) -> dict[str, str | None]:
        """The completed stages, in order, with what each check gave to keep."""
        return dict(json.loads(self.completed))

    def bind(self, members: Mapping[str, object], password_hash: str | None) -> UiaSession:
        """Return the session with the members and the password of a body."""
        return self._next(kept=json.dumps(members, sort_keys=True), password_hash=password_hash)

    def complete(self, stage: str, given: str | None, now: int) -> UiaSession:
        """Return the session with a stage completed, and what its check gave to keep."""
        return self._next(completed=json.dumps({**self.stages, stage: given}), expires_at=now + LIFETIME)

    def begin(self, user_id: str, device_id: str | None) -> UiaSession:
        """Return the session of an action that the host is about to do for a user."""
        return self._next(user_id=user_id, device_id=device_id)

    def finish(self, now: int, repeat: int) -> UiaSession:
        """Return the session of an action that is done; for ``repeat`` ms the request may be repeated."""
        return self._next(done_at=now, expires_at=now + repeat)

    def _next(self, **changes: object) -> UiaSession:
        return attrs.evolve(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]
