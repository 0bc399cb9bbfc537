"""What the verdicts on files of all formats have in common."""

from collections.abc import Mapping
from typing import Any

Verdict = Mapping[str, Any]
"""A file over one class, as `Readiness.as_json` says it."""

NEEDED = "needs_conversion"
"""Whether the class runs what becomes of the file, not the file itself."""

COSTS = ("macs", "weights_bytes", "arena_bytes", "estimate_ms")


def without_costs(verdict: Verdict) -> Verdict:
    """The same where the cost of a run is not known."""
    return {**verdict, **dict.fromkeys(COSTS)}
