"""When requests of an open loop are meant to be sent. Pure."""

import random


def poisson_arrivals_s(rate_per_s: float, duration_s: float, seed: int) -> list[float]:
    """Seconds after the start, ascending: a Poisson process, the same for one seed."""
    draw = random.Random(seed)  # not for secrets: for a schedule that can be repeated
    arrivals: list[float] = []
    now_s = draw.expovariate(rate_per_s)
    while now_s < duration_s:
        arrivals.append(now_s)
        now_s += draw.expovariate(rate_per_s)
    return arrivals
