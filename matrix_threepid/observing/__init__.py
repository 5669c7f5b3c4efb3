"""What operators see: logs, metrics, traces, an audit trail, and whether a server is in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from ..endpoints.health import HEALTH as HEALTH
    from ..flows.health import Health as Health
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
    "..endpoints.health": ("HEALTH",),
    "..logs": ("LogListener",),
    "..flows.health": ("Health",),
}
__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
