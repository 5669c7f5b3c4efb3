"""What is read from a table of endpoints: an OpenAPI 3.1 document, and the page of the docs."""

from .document import document
from .page import endpoints_page

__all__ = ["document", "endpoints_page"]
