"""How long a load that goes on needs at best until it ends. Pure."""

from deployments.residency.seat import Seat, Stage

LOADS = 2
"""The first load of a file may be the longest by far: copies of it are prepared then."""


def needs_s(seat: Seat, now_s: float) -> float:
    """Seconds that no load of it here has ever stayed below, from now on.

    0: nobody knows; or it is not loading, and who asks keeps it wanted; or the load is a
    probe, see `is_probe`.

    Args:
        seat: of a model that is not ready.
        now_s: on the clock of `Seat.began_s`.
    """
    if seat.stage is not Stage.LOADING or seat.probes:
        return 0.0
    return max(0.0, _least_s(seat) - (now_s - seat.began_s))


def is_probe(seat: Seat, left_s: float | None) -> bool:
    """Whether a load is begun although none so far was short enough for who asks.

    It is then tried for everybody, so that a load that became shorter serves them all.

    Args:
        seat: of a model that nobody brings in yet.
        left_s: until the deadline of who asks; None: it has none.
    """
    return left_s is not None and left_s < _least_s(seat)


def _least_s(seat: Seat) -> float:
    return seat.least_load_s if seat.tally.loads >= LOADS else 0.0
