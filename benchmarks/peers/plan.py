"""How much is measured in a comparison. Pure."""

from benchmarks.peers.search import Effort
from models.card import Fact


class Plan(Fact):
    """What happens in one run of the command.

    `proof`: whether LoadGen's early-stopping criterion must hold, or only p99 itself.
    """

    repeats: int
    concurrency: tuple[int, ...]
    bare_batches: tuple[int, ...]
    warmup_s: float
    duration_s: float
    trial_s: float
    trial_queries: int
    trials: int
    resolution: float
    proof: bool
    added_requests: int

    @property
    def effort(self) -> Effort:
        """Of one search."""
        return Effort(self.resolution, self.trials)


FULL = Plan(
    repeats=2,
    concurrency=(1, 8, 32),
    bare_batches=(1, 4, 8, 16),
    warmup_s=0.5,
    duration_s=2.0,
    trial_s=3.0,
    trial_queries=500,
    trials=6,
    resolution=0.04,
    proof=True,
    added_requests=800,
)
QUICK = Plan(
    repeats=1,
    concurrency=(1, 8, 32),
    bare_batches=(1, 16),
    warmup_s=0.5,
    duration_s=1.0,
    trial_s=1.0,
    trial_queries=60,
    trials=3,
    resolution=0.1,
    proof=False,
    added_requests=100,
)
