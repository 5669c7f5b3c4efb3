"""Run a module of the examples as ``python -m`` does, with passwords whose hash and commits whose disk cost nothing.

Both take longer than all the rest of a request, and are the same whatever a test asks for.
"""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    sys.path[0] = ""
    from examples.homeserver import passwords
    from tests.hurried import hurry

    passwords._COST = 2
    hurry()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
