"""What is not tried again at once: models that failed to load or killed replicas. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a load failed, and until when nobody tries again unasked."""

    reason: str
    until_s: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a model is not loaded now, and when asking again may help."""

    reason: str
    retry_after_s: float


QUARANTINE_RETRY_S = 600.0


def refusal(
    failure: Failure | None, crashes: int, limit: int, now_s: float
) -> Refusal | None:
    """Why a model must not be loaded at `now_s`; None: it may be tried.

    Args:
        failure: how its last load ended, if badly.
        crashes: how many replicas its file has killed on this node since it last did well.
        limit: at so many it is quarantined.
        now_s: on the clock of `Failure.until_s`.
    """
    if crashes >= limit:
        told = f"it is quarantined after {crashes} crashes of its replica"
        return Refusal(told, QUARANTINE_RETRY_S)
    if failure is not None and now_s < failure.until_s:
        return Refusal(failure.reason, failure.until_s - now_s)
    return None
