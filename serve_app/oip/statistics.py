"""Statistics in the words of the extension, the same for both protocols. Pure."""

from collections.abc import Mapping, Sequence

from deployments.control import BatchStatistic, Duration, ModelStatistics

Json = dict[str, object]


def write_statistics(told: Sequence[ModelStatistics]) -> Json:
    """The whole answer."""
    return {"model_stats": [_model(one) for one in told]}


def _model(one: ModelStatistics) -> Json:
    # Triton has no words for these: gRPC leaves them out.
    ours = {"ensemble_stats": one.ensemble, "residency_stats": one.residency}
    beside = {name: counts for name, counts in ours.items() if counts}
    return {
        "name": one.name,
        "version": one.version,
        "last_inference": one.last_inference_ms,
        "inference_count": one.inference_count,
        "execution_count": one.execution_count,
        "inference_stats": _durations(one.inference_stats),
        "response_stats": {},
        "batch_stats": [_batch(batch) for batch in one.batch_stats],
        "memory_usage": [
            {"type": kind, "id": 0, "byte_size": size_bytes}
            for kind, size_bytes in one.memory_bytes.items()
        ],
        **beside,
    }


def _batch(batch: BatchStatistic) -> Json:
    stages = {
        "compute_input": batch.compute_input,
        "compute_infer": batch.compute_infer,
        "compute_output": batch.compute_output,
    }
    return {"batch_size": batch.batch_size, **_durations(stages)}


def _durations(found: Mapping[str, Duration]) -> Json:
    return {key: {"count": d.count, "ns": d.ns} for key, d in found.items()}
