"""What a class wants beyond the recipe's bar, and what it gets by it."""

import pytest

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.exporting.bars import Measured, class_bar
from edge.exporting.choice import Candidate, best, lightest, under_bar
from edge.exporting.page import page
from edge.readiness.findings import Readiness
from models.card import Interval
from models.litert.cost import Cost
from models.statistics import wilson
from tests.fakes_litert import lite_card
from tests.fakes_search import a_recipe, judged

MOBILE = load_devices(packaged_catalogue())["mobile"]


def recipe(**wanted):
    return a_recipe(search=None, bars={"mobile": wanted} if wanted else {})


def refused(measured, **wanted):
    return class_bar(recipe(**wanted), "mobile", measured).reasons()


def facts(right=950, lost=5.0, agreement=960):
    """Right on `right` of 1000 rows, `lost` points behind what it is held against."""
    fact = judged("v", right).quality[0]
    drop = Interval(value=lost, low=lost - 1, high=lost + 1)
    said = {"drop_points": drop, "agreement": wilson(agreement, 1000)}
    return Measured((fact.model_copy(update=said),), 1000, 12.0)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"max_drop_points": 3.0}, "at most 3 points of top-1 lost on digits: 5 (95%"),
        ({"min_agreement": 0.99}, "the reference's answer on 99.0% on digits: 0.96"),
        ({"min_top1": 0.99}, "top-1 of 99.0% on digits: 0.95"),
        ({"min_top1_share": 0.97}, "97.0% of the reference's top-1 on digits: 0.95"),
        ({"max_size_bytes": 900}, "at most 900 bytes: 1000"),
        ({"max_estimate_ms": 10}, "at most 10 ms a row, estimated: 12"),
    ],
)
def test_variant_that_misses_what_the_class_wants_is_refused(wanted, reason):
    (found,) = refused(facts(), **wanted)

    assert found.startswith(reason)


def test_variant_that_has_all_that_the_class_wants_is_not():
    wanted = {"max_drop_points": 7.0, "min_agreement": 0.9, "min_top1": 0.9}
    costs = {"min_top1_share": 0.9, "max_size_bytes": 1000, "max_estimate_ms": 12}

    bar = class_bar(recipe(**wanted, **costs), "mobile", facts())

    assert (len(bar.findings), bar.refused) == (6, ())


def test_what_rows_cannot_tell_counts_as_the_class_says():
    assert not refused(facts(), min_top1=0.955)
    assert refused(facts(), min_top1=0.955, judged="inside")


def test_bytes_are_told_to_the_last():
    large = Measured(facts().quality, 123_456, 1.0)

    (reason,) = refused(large, max_size_bytes=65_536)

    assert reason == "at most 65536 bytes: 123456"


def test_class_that_wants_what_only_a_reference_tells_does_not_get_it_without_one():
    alone = Measured(
        (judged("v", 950).quality[0].model_copy(update={"drop_points": None}),), 1, 1.0
    )

    (reason,) = refused(alone, min_top1_share=0.9)

    assert "it needs a reference" in reason


def candidate(variant, took_ms, size=1000, **wanted):
    held = Readiness("mobile", (), (), Cost(1, 1, 1), took_ms)
    return under_bar(Candidate(lite_card(variant, 90, size), held), recipe(**wanted))


@pytest.mark.parametrize("choose", [best, lightest])
def test_class_gets_the_best_of_those_that_clear_its_own_bar(choose):
    some = [
        candidate("quick", 2.0, size=9000, max_size_bytes=5000),
        candidate("small", 9.0, size=4000, max_size_bytes=5000),
    ]

    found = choose(some, MOBILE)

    assert found is not None
    assert found.card.variant == "small"
    assert choose(some[:1], MOBILE) is None


def test_recipe_without_bars_of_classes_leaves_the_choice_as_it_was():
    some = [candidate("quick", 2.0, size=9000), candidate("small", 9.0, size=4000)]

    found = best(some, MOBILE)

    assert found is not None
    assert found.card.variant == "quick"


def test_page_says_whose_bar_it_is_and_what_came():
    own = page(candidate("quick", 2.0, max_estimate_ms=5), MOBILE)
    whole = page(candidate("quick", 2.0), MOBILE)

    assert "| bar | the class's own, and that of recipe find |" in own
    assert "| the class wants at most 5 ms a row, estimated | 2: clears |" in own
    assert "| bar | that of recipe find |" in whole
