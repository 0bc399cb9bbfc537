"""Which variants nothing else beats."""

from models.card import LatencyFact, Proportion, QualityFact
from models.recipes.compare import Contender, compare, contender
from models.recipes.judged import Judged


def row(variant: str, top1: float, ms: float | None, size: int, **said: str):
    share = Proportion(value=top1, low=top1 - 0.05, high=top1 + 0.05, n=100)
    dataset = said.get("dataset", "photos")
    quality = QualityFact(
        dataset=dataset, dataset_sha256="0" * 64, top1=share, top5=share
    )
    times = [
        LatencyFact(batch_size=1, threads=count, p50_ms=own, p99_ms=own, runs=5)
        for count, own in ((4, 0.1), (1, ms))
        if own is not None
    ]
    judged = Judged(
        name=variant,
        form="onnx",
        size_bytes=size,
        quality=(quality,),
        latency=tuple(times),
    )
    return contender(said.get("model", "m"), variant, judged, said.get("asked"))


def best(*rows: Contender) -> list[str]:
    return [one.variant for one in compare([], None, rows) if one.is_best]


def test_what_is_worse_in_all_is_beaten():
    assert best(row("a", 0.9, 2, 10), row("b", 0.8, 3, 20)) == ["a"]


def test_each_may_be_best_in_its_own_way():
    three = row("right", 0.9, 9, 99), row("fast", 0.8, 1, 50), row("small", 0.7, 5, 9)

    assert best(*three) == ["right", "fast", "small"]


def test_equals_do_not_beat_each_other():
    assert best(row("a", 0.9, 2, 10), row("b", 0.9, 2, 10)) == ["a", "b"]


def test_models_and_datasets_are_no_rivals():
    a, b = row("a", 0.9, 2, 10), row("b", 0.8, 3, 20, model="other")
    c = row("c", 0.8, 3, 20, dataset="other")

    assert best(a, b, c) == ["a", "b", "c"]


def test_what_was_not_timed_is_neither_best_nor_a_rival():
    assert best(row("a", 0.9, None, 10), row("b", 0.8, 3, 20)) == ["b"]


def test_dataset_that_was_not_measured_leaves_a_blank():
    assert row("a", 0.9, 2, 10, asked="gone").top1 is None
