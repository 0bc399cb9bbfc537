"""Reads LoadGen's detail log. Pure but for the log's own format.

Each line is `:::MLLOG {"key": ..., "value": ...}`; what a run found is under `result_*`.
"""

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.peers.facts import Trial

PREFIX = ":::MLLOG "


class NoResult(Exception):
    """The log does not say what a run must say: it ended early."""

    def __init__(self, key: str, errors: tuple[str, ...]) -> None:
        super().__init__(key, errors)
        self.key, self.errors = key, errors

    def __str__(self) -> str:
        said = "; ".join(self.errors) or "no error in it"
        return f"LoadGen's log has no {self.key}: {said}"


def read_detail(text: str) -> Mapping[str, Any]:
    """Key → value; errors by LoadGen itself are a tuple under `errors`."""
    found: dict[str, Any] = {}
    errors: list[str] = []
    for line in text.splitlines():
        if not line.startswith(PREFIX):
            continue
        entry = json.loads(line.removeprefix(PREFIX))
        found[entry["key"]] = entry["value"]
        if entry.get("metadata", {}).get("is_error"):
            errors.append(f"{entry['key']}: {entry['value']}")
    return {**found, "errors": tuple(errors)}


def trial_of(detail: Mapping[str, Any], slo_ms: float) -> Trial:
    """One run as LoadGen saw it.

    Raises:
        NoResult: the run did not come to its end.
    """

    def value(key: str) -> Any:
        if key not in detail:
            raise NoResult(key, detail["errors"])
        return detail[key]

    def latency_ms(percentile: str) -> float:
        return float(value(f"result_{percentile}_percentile_latency_ns")) / 1e6

    return Trial(
        target_qps=float(value("effective_target_qps")),
        slo_ms=slo_ms,
        queries=int(value("result_query_count")),
        completed_per_s=float(value("result_completed_samples_per_sec")),
        p50_ms=latency_ms("50.00"),
        p90_ms=latency_ms("90.00"),
        p99_ms=latency_ms("99.00"),
        late=int(value("result_overlatency_query_count")),
        early_stopping=bool(value("early_stopping_met")),
        valid=value("result_validity") == "VALID",
    )
