"""Journeys: tests of several requests each, against any server over HTTP, in any language.

    with open_surroundings() as parts:  # a mail server, an SMS provider and an identity server, at known ports
        ...                  # start the server under test, configured for them
        for result in run(JOURNEYS, parts.around("http://127.0.0.1:8008")):
            print(result)

With pytest, inherit ``journeys.contract.JourneyContract``; from a shell, ``python -m matrix_threepid journeys``.
"""

from . import accounts, adding, basics, codes, identity, limits_of_proof, numbers
from .journey import Journey, NotOffered
from .running import Result, run
from .surroundings import Parts, Surroundings, open_surroundings
from .visit import Visit

JOURNEYS: tuple[Journey, ...] = tuple(
    journey
    for module in (basics, adding, codes, limits_of_proof, accounts, numbers, identity)
    for journey in vars(module).values()
    if isinstance(journey, Journey)
)
"""All journeys, in the order in which they are best read."""

__all__ = ["JOURNEYS", "Journey", "NotOffered", "Parts", "Result", "Surroundings", "Visit", "open_surroundings", "run"]
