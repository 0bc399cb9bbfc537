"""The bar is judged on the interval, never on the point."""

import pytest

from configs.recipe import BarSpec
from models.card import (
    Interval,
    LatencyFact,
    MeasuredFact,
    Proportion,
    QualityFact,
    TextFact,
)
from models.recipes.bar import findings, refused
from models.recipes.judged import Judged


def judged(low: float, high: float, **changes: object) -> Judged:
    """Top-1 lost between `low` and `high` points."""
    share = Proportion(value=0.8, low=0.75, high=0.85, n=200)
    fact = QualityFact(
        dataset="photos",
        dataset_sha256="0" * 64,
        top1=share,
        top5=share,
        agreement=Proportion(value=0.95, low=0.9, high=0.98, n=200),
        drop_points=Interval(value=(low + high) / 2, low=low, high=high),
    )
    latency = LatencyFact(batch_size=1, threads=1, p50_ms=4.0, p99_ms=5.0, runs=9)
    own = Judged(
        name="own", form="onnx", size_bytes=500, quality=(fact,), latency=(latency,)
    )
    return own.model_copy(update=changes)


def outcomes(bar: BarSpec, what: Judged) -> list[str]:
    return [finding.outcome for finding in findings(bar, what)]


@pytest.mark.parametrize(
    ("low", "high", "outcome", "stored_if_overlaps", "stored_if_inside"),
    [
        (-0.5, 0.9, "clears", True, True),
        (-0.5, 1.5, "open", True, False),
        (1.2, 3.0, "below", False, False),
    ],
)
def test_loss_is_judged_on_its_interval(
    low, high, outcome, stored_if_overlaps, stored_if_inside
):
    what = judged(low, high)

    found = findings(BarSpec(), what)

    assert [finding.outcome for finding in found] == [outcome]
    assert (not refused(BarSpec(), found)) == stored_if_overlaps
    assert (not refused(BarSpec(judged="inside"), found)) == stored_if_inside


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"max_size_bytes": 500}, "clears"),
        ({"max_size_bytes": 499}, "below"),
        ({"max_latency_ms": 4}, "clears"),
        ({"max_latency_ms": 3.9}, "below"),
        ({"max_size_share": 0.25}, "clears"),
        ({"max_size_share": 0.2}, "below"),
        ({"max_latency_share": 0.25}, "clears"),
        ({"max_latency_share": 0.2}, "below"),
    ],
)
def test_cost_is_held_against_the_bar(said, expected):
    latency = LatencyFact(batch_size=1, threads=1, p50_ms=16.0, p99_ms=17.0, runs=9)
    other = Judged(name="all", form="onnx", size_bytes=2000, latency=(latency,))

    assert outcomes(BarSpec(**said), judged(0, 0.5, reference=other))[0] == expected


def test_time_that_was_not_measured_does_not_clear_a_bar():
    found = findings(BarSpec(max_latency_ms=5), judged(0, 0.5, latency=()))

    assert (found[0].outcome, found[0].got) == ("below", "nothing measured")


def test_agreement_has_a_bar_of_its_own():
    assert outcomes(BarSpec(metric="agreement"), judged(5, 9)) == ["clears"]
    assert outcomes(BarSpec(min_agreement=0.99), judged(0, 0.5)) == ["clears", "below"]


def test_share_of_top1_takes_the_place_of_points_lost():
    share = Proportion(value=0.9, low=0.85, high=0.95, n=200)
    fact = judged(0, 0).quality[0].model_copy(update={"top1": share})
    other = Judged(name="t", form="onnx", size_bytes=1, quality=(fact,))

    found = findings(BarSpec(min_top1_share=0.97), judged(1.8, 3.6, reference=other))

    assert [finding.outcome for finding in found] == ["open"]
    assert found[0].got == "0.97 (95% interval 0.96 to 0.98)"


@pytest.mark.parametrize(
    "said", [{"min_top1_share": 0.97}, {"min_agreement": 0.5}, {"metric": "agreement"}]
)
def test_what_needs_a_reference_is_refused_without_one(said):
    bar = BarSpec(max_drop_points=9, **said)
    alone = judged(0, 0).quality[0]
    alone = alone.model_copy(update={"agreement": None, "drop_points": None})

    found = findings(bar, judged(0, 0, quality=(alone,)))

    (bad,) = refused(bar, found)
    assert (bad.outcome, "needs a reference" in bad.got) == ("below", True)


def test_share_of_a_reference_on_another_dataset_is_refused():
    own = judged(0, 0.5)
    fact = own.quality[0].model_copy(update={"dataset": "other"})
    other = Judged(name="t", form="onnx", size_bytes=1, quality=(fact,))
    what = own.model_copy(update={"reference": other})

    (found,) = findings(BarSpec(min_top1_share=0.5), what)

    assert (found.outcome, "needs a reference" in found.got) == ("below", True)


@pytest.mark.parametrize(("high", "outcome"), [(0.019, "clears"), (0.03, "open")])
def test_perplexity_is_judged_on_its_rise(high, outcome):
    text = TextFact(
        dataset="text",
        dataset_sha256="0" * 64,
        tokens=9,
        perplexity=Interval(value=9, low=8, high=10),
        rise=Interval(value=0.01, low=0.0, high=high),
    )
    what = judged(5, 9, measured=MeasuredFact(text=(text,)))

    assert outcomes(BarSpec(metric="perplexity"), what) == [outcome]
