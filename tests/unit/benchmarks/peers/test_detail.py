"""LoadGen's own log becomes a trial."""

import json

import pytest

from benchmarks.peers.detail import PREFIX, NoResult, read_detail, trial_of

RESULT = {
    "effective_target_qps": 150,
    "result_validity": "VALID",
    "early_stopping_met": True,
    "result_query_count": 700,
    "result_overlatency_query_count": 1,
    "result_completed_samples_per_sec": 148.5,
    "result_50.00_percentile_latency_ns": 8_000_000,
    "result_90.00_percentile_latency_ns": 20_500_000,
    "result_99.00_percentile_latency_ns": 61_000_000,
}


def log(values, *, is_error=False):
    lines = ["a line of something else"]
    for key, value in values.items():
        entry = {"key": key, "value": value, "metadata": {"is_error": is_error}}
        lines.append(PREFIX + json.dumps(entry))
    return "\n".join(lines)


def test_trial_has_what_loadgen_found_in_milliseconds():
    trial = trial_of(read_detail(log(RESULT)), slo_ms=100.0)

    assert (trial.target_qps, trial.queries, trial.late) == (150, 700, 1)
    assert (trial.p50_ms, trial.p90_ms, trial.p99_ms) == (8.0, 20.5, 61.0)
    assert trial.valid
    assert trial.within


def test_invalid_run_is_not_valid():
    found = read_detail(log(RESULT | {"result_validity": "INVALID"}))

    assert not trial_of(found, slo_ms=100.0).valid


def test_p99_beyond_the_slo_is_not_within():
    assert not trial_of(read_detail(log(RESULT)), slo_ms=60.0).within


def test_trial_with_a_failed_query_is_not_within():
    trial = trial_of(read_detail(log(RESULT)), slo_ms=100.0)

    assert not trial.model_copy(update={"errors": {"http 503": 1}}).within


def test_run_that_ended_early_names_what_is_missing_and_loadgens_errors():
    text = log({"error_runtime": "no samples"}, is_error=True)

    with pytest.raises(NoResult) as caught:
        trial_of(read_detail(text), slo_ms=100.0)

    assert str(caught.value) == (
        "LoadGen's log has no effective_target_qps: error_runtime: no samples"
    )
