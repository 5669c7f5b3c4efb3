"""Documents made from a table of endpoints: OpenAPI 3.1, and the page ``docs/endpoints.md``."""

from .document import document
from .page import endpoints_page

__all__ = ["document", "endpoints_page"]
