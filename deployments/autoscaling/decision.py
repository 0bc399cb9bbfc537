"""One decision with everything needed to explain it."""

from typing import Any, Literal, NamedTuple

Reason = Literal[
    "forecast", "spike", "surge", "backlog", "held", "reactive", "steady", "idle", "pre-warm",
    "always warm", "minimum", "maximum", "budget", "silent", "starts overdue",
]  # fmt: skip


class Decision(NamedTuple):
    """How many replicas, why, and what else would have been decided."""

    name: str
    replicas: int
    reason: Reason
    acts: bool
    reactive: int
    backlog: int
    wanted: int
    point: float
    quantile: float
    alpha: float
    per_replica: float
    start_s: float

    def explain(self) -> str:
        """The decision as one sentence for people."""
        return (
            f"{self.name}: {self.replicas} replicas ({self.reason}); in "
            f"{self.start_s:.0f} s {self.point:.1f} a second are expected, at most "
            f"{self.quantile:.1f} with {self.alpha:.1%}; one replica serves "
            f"{self.per_replica:.2f}/s; a reactive rule would hold {self.reactive}"
        )

    def as_dict(self) -> dict[str, Any]:
        """The decision for JSON."""
        return self._asdict()
