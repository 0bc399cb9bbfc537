"""Which models to load before their requests come. Pure."""

from collections.abc import Mapping, Sequence

LEAST_RATE = 0.2
"""One request within the five seconds that a forecast is made for."""


def to_load(soon: Mapping[str, float], cold: Sequence[str]) -> list[str]:
    """Those of the `cold` keys that are expected, the most wanted first.

    Whether there is room, and who leaves for them, residency decides.
    """
    rates = {key: soon.get(key.partition("#")[0], 0.0) for key in cold}
    wanted = [key for key in cold if rates[key] >= LEAST_RATE]
    return sorted(wanted, key=lambda key: -rates[key])
