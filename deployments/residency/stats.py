"""What residency has done for each model since the replica started. Pure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from deployments.control import Counts


@dataclass(slots=True)
class Tally:
    """Counts of one model version; times are sums in seconds.

    `misses` found it not resident. `evictions` made room for others, `idled` left
    because nobody asked, `early` loads came before any request.
    """

    misses: int = 0
    loads: int = 0
    early: int = 0
    load_s: float = 0.0
    failed_loads: int = 0
    evictions: int = 0
    idled: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """One model version: its counts, and what it holds now."""

    key: str
    uses: int
    tally: Tally
    resident_bytes: int
    device_bytes: int
    runtime: str = ""

    @property
    def hits(self) -> int:
        """Requests that found it resident."""
        return self.uses - self.tally.misses

    def told(self) -> Counts:
        """All of it in words and numbers; `resident`: whether it is loaded, by runtime."""
        loaded = int(self.resident_bytes + self.device_bytes > 0)
        counted = asdict(self.tally)
        return {"hits": self.hits, **counted, "resident": {self.runtime: loaded}}


def hit_rate(accounts: Iterable[Account]) -> float:
    """The share of requests that found their model resident; 1 when there were none."""
    listed = list(accounts)
    uses = sum(account.uses for account in listed)
    return sum(account.hits for account in listed) / uses if uses else 1.0
