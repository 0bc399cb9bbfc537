"""What is told of a seat. Pure."""

from deployments.residency.failures import refusal
from deployments.residency.seat import WIRE, Seat, Stage, Standing

UNLOADED = "unloaded"
ON_DEMAND = "loads on demand"


def standing(seat: Seat, now_s: float) -> Standing:
    """The state of a seat in the words of the model repository."""
    why = refusal(seat.failure, 0, 1, now_s)
    return Standing(
        key=seat.key,
        state=WIRE[seat.stage],
        reason=_reason(seat, why is not None),
        resident_bytes=seat.size.host,
        device_bytes=seat.size.device,
        answers=not seat.unloaded and (seat.ready or why is None),
        runtime=seat.tenant.runtime,
    )


def _reason(seat: Seat, is_failed: bool) -> str:
    if seat.stage is Stage.RESIDENT:
        return seat.note
    if seat.unloaded:
        return UNLOADED
    if is_failed and seat.failure is not None:
        return seat.failure.reason
    return ON_DEMAND if seat.stage is Stage.ABSENT else ""
