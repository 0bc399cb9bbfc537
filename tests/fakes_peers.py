"""Made-up results of a comparison of servers."""

from benchmarks.facts import Measurement, SubjectFact
from benchmarks.peers.facts import (
    Absent,
    AddedFact,
    BareBatches,
    PeerResults,
    SubjectRun,
    Trial,
)

_ROLES = {"headwater": "headwater", "ray": "plain"}


def closed(per_s, level=8, others_cores=0.0):
    """A closed loop of some subject."""
    return Measurement(
        subject="any",
        load="closed",
        level=level,
        repeat=0,
        answers=100,
        throughput_per_s=per_s,
        p50_ms=5.0,
        p90_ms=6.0,
        p99_ms=7.0,
        client_cores=0.1,
        others_cores=others_cores,
        cpu_ms={"python": 5.0},
    )


def trial(qps, p99_ms, slo_ms=100.0):
    """One run of LoadGen, valid when it is in time."""
    return Trial(
        target_qps=qps,
        slo_ms=slo_ms,
        queries=700,
        completed_per_s=qps,
        p50_ms=p99_ms / 2,
        p90_ms=p99_ms,
        p99_ms=p99_ms,
        late=0,
        early_stopping=True,
        valid=p99_ms <= slo_ms,
    )


def run(subject, repeat=0, peak_qps=None, closed=(), trials=()):
    """One subject in one repeat."""
    return SubjectRun(
        subject=subject,
        repeat=repeat,
        closed=tuple(closed),
        trials=tuple(trials),
        peak_qps=peak_qps or {},
    )


def bare(batch, images_per_s):
    """The bare loop at one batch size."""
    return BareBatches(
        repeat=0,
        batch=batch,
        threads=1,
        images_per_s=images_per_s,
        p50_ms=4.0,
        p99_ms=5.0,
    )


def peer_results(*runs, bare=(), absent=None, added_ms=None):
    """Results of those runs; a subject's title is its id."""
    ids = dict.fromkeys(one.subject for one in runs)
    wait_ms = {"p50": 0.0, "p90": 0.0, "p99": 0.0}
    added = [
        AddedFact(
            subject=one,
            load=0.5,
            requests=100,
            run_p50_ms=4.0,
            answer_ms=added_ms,
            server_ms=added_ms,
            queue_ms=wait_ms,
        )
        for one in ids
        if added_ms is not None
    ]
    return PeerResults(
        date="2026-01-01",
        commit="abc1234",
        quick=False,
        layout="apart",
        slos_ms=(100.0,),
        machine={"cpu": "Some CPU", "cores": "2"},
        versions={},
        settings={},
        subjects=tuple(_subject(one) for one in ids),
        bare=tuple(bare),
        runs=tuple(runs),
        absent=tuple(Absent(name=k, reason=v) for k, v in (absent or {}).items()),
        added=tuple(added),
    )


def _subject(one):
    role = _ROLES.get(one.split("-")[0], "peer")
    return SubjectFact.model_validate(
        {
            "id": one,
            "title": one,
            "group": "model",
            "role": role,
            "request_bytes": 602112,
        }
    )
