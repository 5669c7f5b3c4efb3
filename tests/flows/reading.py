"""Pages as a browser reads them."""

from __future__ import annotations

from html.parser import HTMLParser

from matrix_threepid import Response
from matrix_threepid.testing import World


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a kind."""
        return [attributes for name, attributes in self.found if name == tag]


def read(page: Response) -> Elements:
    return Elements(page.body.decode())


def query_of(world: World) -> str:
    return (world.outbox.last.link or "").partition("?")[2]
