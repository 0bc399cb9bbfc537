"""How long a model that is not in memory needs at best until it answers. Pure."""

from deployments.batching.outlook import PROBE_S
from deployments.residency.seat import Seat, Stage


def needs_s(seat: Seat, now_s: float) -> float:
    """Seconds that no load of it here has ever stayed below, from now on.

    0: none is known; or its last load is so long ago that the next request tries,
    whatever is known, so that a load that became shorter is noticed.

    Args:
        seat: of a model that is not ready.
        now_s: on the clock of `Seat.since_s`.
    """
    if seat.stage is Stage.LOADING:
        return max(0.0, seat.least_load_s - (now_s - seat.began_s))
    waits_for_room = seat.stage is Stage.ABSENT and seat.task is not None
    if not waits_for_room and now_s - seat.since_s >= PROBE_S:
        return 0.0
    return seat.least_load_s
