"""The commands of ``python -m matrix_threepid``, and functions of theirs that programs of hosts may call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from .files.configured import sending_role as sending_role
    from .sending.send_test import sent as sent

_HOMES = {
    ".files.configured": ("sending_role",),
    ".sending.send_test": ("sent",),
}
__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
