"""What is taken from inside of Synapse is what is looked for when it starts; without a Synapse."""

from __future__ import annotations

import inspect
import re

from matrix_threepid.synapse import private

CODE = inspect.getsource(private.Inside)


def test_every_inner_part_that_is_used_is_looked_for() -> None:
    """No name of Synapse's inside is used that the table does not list, and none is listed for nothing."""
    used = set(re.findall(r"self\._hs\.((?:\w+(?:\(\))?\.)*\w+)", CODE))
    listed = {f"{path}.{name}" for path, names in private._NEEDED.items() for name in names if path != "signing_key"}
    assert used == listed | {"signing_key"}


def test_every_inner_module_that_is_imported_is_looked_for() -> None:
    """The same for what is imported where it is needed."""
    names = {f"{module}.{name}" for module, name in re.findall(r"from (synapse[\w.]*) import (\w+)", CODE)}
    names |= {f"{module}.{name}" for module, name in re.findall(r"(synapse\.rest)\.(\w+)", CODE)}
    assert names == {f"{module}.{name}" for module, names in private._IMPORTED.items() for name in names}
