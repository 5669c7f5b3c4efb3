"""The library inside Synapse: ``module: matrix_threepid.synapse.Threepids`` in its configuration.

Nothing here imports Synapse before Synapse imports the module.
"""

from .module import Threepids

__all__ = ["Threepids"]
