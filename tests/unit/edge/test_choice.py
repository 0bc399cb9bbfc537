"""The best variant for a class: right as the rightest, then fast, then small."""

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.exporting.choice import Candidate, best
from edge.exporting.page import page
from edge.readiness.classes import readiness
from edge.readiness.findings import Readiness
from models.card import LatencyFact, MeasuredFact
from models.litert.cost import Cost
from models.litert.reading import read
from tests.fakes_litert import lite_card
from tests.tiny_lite import tiny_float, tiny_int8

DEVICES = load_devices(packaged_catalogue())
MOBILE = DEVICES["mobile"]


def candidate(variant, took_ms=1.0, right=90, size=1000, fatal=()):
    held = Readiness("mobile", (), fatal, Cost(1, 1, 1), took_ms)
    return Candidate(lite_card(variant, right, size), held)


def chosen(*candidates):
    found = best(candidates, MOBILE)
    return None if found is None else found.card.variant


def test_faster_of_two_that_photos_cannot_tell_apart_is_chosen():
    assert chosen(candidate("slow", 9.0, 91), candidate("quick", 2.0, 90)) == "quick"


def test_much_better_one_is_chosen_though_it_is_slower():
    assert chosen(candidate("right", 9.0, 95), candidate("quick", 2.0, 60)) == "right"


def test_smaller_of_two_that_take_as_long_is_chosen():
    assert chosen(candidate("large", size=9000), candidate("small", size=10)) == "small"


def test_what_cannot_run_is_never_chosen():
    broken = candidate("broken", fatal=("input is float32, must be int8",))

    assert chosen(broken) is None
    assert chosen(broken, candidate("sound", took_ms=99.0)) == "sound"


def test_what_is_within_the_budget_comes_before_what_is_more_right():
    late, quick = candidate("late", 31.0, right=99), candidate("quick", 29.0, right=50)

    assert chosen(late, quick) == "quick"


def test_fastest_is_chosen_when_all_are_estimated_beyond_the_budget():
    assert chosen(candidate("late", 31.0), candidate("later", 45.0)) == "late"


def test_order_of_candidates_does_not_matter():
    some = [candidate("a", 3.0), candidate("b", 3.0), candidate("c", 4.0)]

    assert chosen(*some) == chosen(*reversed(some)) == "a"


def test_page_marks_an_estimate_as_one():
    held = readiness(read(tiny_int8()), MOBILE, 4000)

    text = page(Candidate(lite_card("int8"), held), MOBILE)

    assert "**ready**" in text
    assert "not measured" in text
    assert "90.00%" in text


def test_page_says_what_the_host_took_and_what_its_rows_cannot_tell():
    held = readiness(read(tiny_int8()), MOBILE, 4000)
    timed = LatencyFact(batch_size=1, threads=1, p50_ms=4.0, p99_ms=5.0, runs=60)
    said = {"latency": (timed,), "measured": MeasuredFact(peak_memory_bytes=123456)}

    text = page(Candidate(lite_card("int8").model_copy(update=said), held), MOBILE)

    assert "| memory on the host | 123456 bytes more than before" in text
    assert "| measured, 1 thread | p50 4 ms" in text
    assert "100 rows of digits tell top-1 (82.6% to 94.5%) to within 6.0 points" in text


def test_page_names_what_is_in_the_way():
    held = readiness(read(tiny_float()), DEVICES["edge-tpu"], 4000)

    text = page(Candidate(lite_card("float"), held), DEVICES["edge-tpu"])

    assert "**not ready**" in text
    assert "- input is float32, must be int8 or uint8" in text
