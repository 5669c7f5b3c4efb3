"""The module for Synapse: ``module: matrix_threepid.synapse.Threepids`` in ``homeserver.yaml``.

Synapse itself is imported only once Synapse has imported the module, so that the package can be imported without it.
"""

from .module import Threepids

__all__ = ["Threepids"]
