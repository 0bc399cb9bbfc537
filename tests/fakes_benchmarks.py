"""Results and measurements for the tests of the benchmark's pure parts."""

from benchmarks.facts import Measurement, Results, SplitFact, SubjectFact

SUBJECTS = (
    SubjectFact(id="bare-model", title="bare loop", group="model", role="bare"),
    SubjectFact(
        id="plain-default-model", title="plain, default", group="model", role="plain"
    ),
    SubjectFact(
        id="plain-haproxy-model", title="plain, HAProxy", group="model", role="plain"
    ),
    SubjectFact(
        id="headwater-model-http",
        title="Headwater, HTTP",
        group="model",
        role="headwater",
    ),
)


def measurement(subject: str, per_s: float, **changes: object) -> Measurement:
    """One closed-loop run with plausible numbers."""
    made = {
        "subject": subject,
        "load": "closed",
        "level": 8,
        "repeat": 0,
        "answers": 100,
        "throughput_per_s": per_s,
        "p50_ms": 10.0,
        "p90_ms": 20.0,
        "p99_ms": 30.0,
        "client_cores": 0.1,
    }
    return Measurement.model_validate(made | changes)


def results(*measurements: Measurement, **changes: object) -> Results:
    """The results of a run on a made-up machine."""
    made = {
        "date": "2026-01-02",
        "commit": "abc1234",
        "quick": False,
        "machine": {"cpu": "Example CPU", "cores": "2"},
        "versions": {"python": "3.11"},
        "settings": {"model": "tiny"},
        "subjects": SUBJECTS,
        "measurements": measurements,
        "splits": (
            SplitFact(
                subject="headwater-model-http",
                requests=10,
                total_ms=9.0,
                parts_ms={"protocol": 0.5, "model run": 8.5},
            ),
        ),
    }
    return Results.model_validate(made | changes)
