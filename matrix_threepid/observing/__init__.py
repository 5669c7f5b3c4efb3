"""What operators see: logs, metrics, traces, an audit trail, explanations, and whether a server is in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from ..administration.views import BindingView as BindingView
    from ..administration.views import EventView as EventView
    from ..administration.views import MessageView as MessageView
    from ..administration.views import SessionView as SessionView
    from ..administration.views import SuppressionView as SuppressionView
    from ..endpoints.health import HEALTH as HEALTH
    from ..explaining.causes import Cause as Cause
    from ..explaining.explain import explain as explain
    from ..explaining.explanation import Explanation as Explanation
    from ..explaining.explanation import Finding as Finding
    from ..flows.health import Health as Health
    from ..limits.room import Room as Room
    from ..logs import LogListener as LogListener
    from .audit import Audited as Audited
    from .audit import SqlAudit as SqlAudit
    from .listeners import Listeners as Listeners
    from .metrics import METRICS as METRICS
    from .metrics import Metric as Metric
    from .metrics import Metrics as Metrics
    from .traces import traced as traced

_HOMES = {
    ".audit": ("Audited", "SqlAudit"),
    ".listeners": ("Listeners",),
    ".metrics": ("METRICS", "Metric", "Metrics"),
    ".traces": ("traced",),
    "..administration.views": ("BindingView", "EventView", "MessageView", "SessionView", "SuppressionView"),
    "..explaining.causes": ("Cause",),
    "..explaining.explain": ("explain",),
    "..explaining.explanation": ("Explanation", "Finding"),
    "..limits.room": ("Room",),
    "..endpoints.health": ("HEALTH",),
    "..logs": ("LogListener",),
    "..flows.health": ("Health",),
}
__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
