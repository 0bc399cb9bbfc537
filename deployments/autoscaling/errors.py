"""What can be wrong with what autoscaling is given; a person must mend it."""

from pathlib import Path


class AutoscalingError(Exception):
    """The root of what this package refuses."""


class TraceUnreadable(AutoscalingError):
    """A file holds no arrivals that could be replayed."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(file, reason)
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


class StateUnreadable(AutoscalingError):
    """A stored state is damaged or of another version; learning starts anew."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(file, reason)
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


class PolicyUnknown(AutoscalingError):
    """No policy has this name."""

    def __init__(self, policy: str, known: tuple[str, ...]) -> None:
        super().__init__(policy, known)
        self.policy, self.known = policy, known

    def __str__(self) -> str:
        return f"{self.policy}: no such policy; there are {', '.join(self.known)}"


class PlotUnavailable(AutoscalingError):
    """Drawing needs a library that serving does not."""

    def __str__(self) -> str:
        return "plots need matplotlib: install headwater[bench]"


class NothingDecided(AutoscalingError):
    """The journal says nothing of this deployment in this span."""

    def __init__(self, deployment: str, known: tuple[str, ...]) -> None:
        super().__init__(deployment, known)
        self.deployment, self.known = deployment, known

    def __str__(self) -> str:
        told = ", ".join(self.known) or "none; does an application use the policy?"
        return f"{self.deployment}: no decision in this span; there are some of: {told}"


class NothingMeasured(AutoscalingError):
    """A deployment has not yet shown how long it takes."""

    def __init__(self, deployment: str) -> None:
        super().__init__(deployment)
        self.deployment = deployment

    def __str__(self) -> str:
        return f"{self.deployment}: has answered nothing in this span, so its speed is not known"


class SinceUnclear(AutoscalingError):
    """`--since` is neither a span nor a time."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"--since must be like 90s, 10m, 2h, 3d or an ISO time, got {self.text}"
