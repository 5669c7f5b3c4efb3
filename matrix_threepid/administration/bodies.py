"""The bodies that the endpoints of administrators read and answer with, as ``table`` declares them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ..protocol.members import text
from .views import BindingView, MessageView, SessionView, SuppressionView


@frozen(kw_only=True)
class Subject:
    """What is looked at.

    * ``what``: an address, a number, the sid of a session, or ``@user:server``.
    """

    what: str = text(512, doc="an address, a number, the sid of a session, or `@user:server`")


@frozen(kw_only=True)
class SubjectAndReason:
    """Whose limits are lifted, and why.

    * ``what``: an address, a number, or ``@user:server``.
    * ``reason``: why, for the audit.
    """

    what: str = text(512, doc="an address, a number, or `@user:server`")
    reason: str = text(500, doc="why, for the audit")


@frozen(kw_only=True)
class SidAndReason:
    """The session that is meant, and why.

    * ``sid``: its id.
    * ``reason``: why, for the audit.
    """

    sid: str = text(255, doc="the id of the session")
    reason: str = text(500, doc="why, for the audit")


@frozen(kw_only=True)
class UserOnly:
    """The user that is meant.

    * ``user_id``: ``@user:server``.
    """

    user_id: str = text(255, doc="`@user:server`")


@frozen(kw_only=True)
class UserAndReason:
    """The user that is meant, and why.

    * ``user_id``: ``@user:server``.
    * ``reason``: why, for the audit.
    """

    user_id: str = text(255, doc="`@user:server`")
    reason: str = text(500, doc="why, for the audit")


@frozen(kw_only=True)
class PublishedAndReason:
    """What is unbound, and why.

    * ``user_id``: ``@user:server``.
    * ``what``: only this address or number; ``None`` for all.
    * ``reason``: why, for the audit.
    """

    user_id: str = text(255, doc="`@user:server`")
    what: str | None = text(512, optional=True, doc="only this address or number; all if left out")
    reason: str = text(500, doc="why, for the audit")


@frozen(kw_only=True)
class Explained:
    """An explanation, as ``Explanation.json`` has it, and as a text.

    * ``explanation``: the object.
    * ``text``: the text.
    """

    explanation: Mapping[str, object]
    text: str


@frozen(kw_only=True)
class Sessions:
    """The sessions, the newest first."""

    sessions: tuple[SessionView, ...]


@frozen(kw_only=True)
class Bindings:
    """The bindings, the oldest first; after an erasure those that are not unbound yet."""

    bindings: tuple[BindingView, ...]


@frozen(kw_only=True)
class SubjectOrAfter:
    """Which suppressions are listed.

    * ``what``: those of this address or number; ``None`` for all.
    * ``after``: of all, those after this key.
    """

    what: str | None = text(512, optional=True, doc="only what is held against this address or number; all if left out")
    after: str | None = text(255, optional=True, doc="the key after which to go on; from the first if left out")


@frozen(kw_only=True)
class Messages:
    """The messages, the newest first."""

    messages: tuple[MessageView, ...]


@frozen(kw_only=True)
class Suppressions:
    """The suppressions, up to 100."""

    suppressions: tuple[SuppressionView, ...]


@frozen(kw_only=True)
class UnboundResult:
    """Whether every identity server has confirmed: ``success``, or ``no-support``."""

    id_server_unbind_result: str


@frozen(kw_only=True)
class Export:
    """Everything that is stored about a user."""

    export: Mapping[str, object]


@frozen
class Done:
    """Nothing to say."""
