"""``CannotRender``, in a module that does not load Jinja2."""


class CannotRender(Exception):
    """A layout failed: a mistake in it, and no fault of the reader. Its text names file, line and reason."""
