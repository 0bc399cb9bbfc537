import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.autoscaling.live.feed import FRESH_S, PATIENCE_S, Feed, Report
from deployments.autoscaling.live.meter import (
    AGE,
    ARRIVED,
    COMPLETED,
    LOAD,
    ONGOING,
    key,
)


def report(stamp, arrived, age=None, **more):
    values = {key(ARRIVED, "ingress"): arrived, key(COMPLETED, "ingress"): arrived}
    values[AGE] = stamp if age is None else age
    return Report(stamp, values | {key(k, "ingress"): v for k, v in more.items()})


class Heard:
    """A feed with replicas that come and go; second by second."""

    def __init__(self):
        self.now_s = 0.0
        self.feed = Feed(0.0)

    def second(self, **counts):
        self.now_s += 1
        reports = {
            name: report(self.now_s, count)
            for name, count in counts.items()
            if count is not None
        }
        self.feed.hear(self.now_s, reports, counts)
        return self.feed.totals("ingress")


@pytest.fixture
def heard():
    return Heard()


def test_counters_of_several_replicas_add_up(heard):
    heard.second(a=10, b=5)

    assert heard.second(a=13, b=9).arrived == 22


def test_dead_replica_takes_nothing_back(heard):
    heard.second(a=10, b=50)
    heard.second(a=20, b=70)

    assert heard.second(a=40).arrived == 110


def test_new_replica_counts_from_its_birth(heard):
    heard.second(a=10)

    assert heard.second(a=10, b=7).arrived == 17


def test_replica_that_is_older_than_the_feed_counts_from_its_first_report(heard):
    old = {"a": report(1.0, 1e6, age=5000.0)}
    heard.feed.hear(1.0, old, ["a"])
    heard.feed.hear(2.0, {"a": report(2.0, 1e6 + 4, age=5001.0)}, ["a"])

    assert heard.feed.totals("ingress").arrived == 4


def test_silent_replica_is_taken_to_go_on_and_then_corrected(heard):
    count = 0
    for _ in range(20):
        count += 10
        heard.second(a=count, b=count)
    before = heard.feed.totals("ingress").arrived
    for step in range(10):
        heard.second(a=count + 10 * (step + 1), b=None)
    between = heard.feed.totals("ingress")
    after = heard.second(a=count + 110, b=count + 110)

    silent_s = 10 - FRESH_S
    assert between.arrived == pytest.approx(before + 100 + 10 * silent_s, rel=0.02)
    assert after.arrived == pytest.approx(before + 220)


def test_nothing_is_taken_back_when_the_guess_was_too_high(heard):
    for step in range(1, 21):
        heard.second(a=step * 10, b=1)
    totals = [heard.second(a=None, b=1).arrived for _ in range(10)]
    totals += [heard.second(a=200, b=1).arrived for _ in range(3)]

    assert totals == sorted(totals)


def test_guessing_ends_after_a_minute(heard):
    for step in range(1, 21):
        heard.second(a=step * 10, b=1)
    for _ in range(int(PATIENCE_S)):
        heard.second(a=None, b=1)
    long_ago = heard.feed.totals("ingress").arrived

    assert heard.second(a=None, b=1).arrived == long_ago


def test_completed_is_unknown_while_one_replica_is_silent(heard):
    heard.second(a=1, b=1)
    for step in range(5):
        last = heard.second(a=step + 2, b=None)

    assert (last.completed, last.arrived is None) == (None, False)


def test_nobody_reports_and_nothing_is_known(heard):
    heard.second(a=5)
    for _ in range(int(FRESH_S) + 1):
        last = heard.second(a=None)

    assert (last.arrived, last.counted) == (None, pytest.approx(10))


def test_reset_counter_counts_from_zero(heard):
    heard.second(a=100)

    assert heard.second(a=3).arrived == 103


def test_deployment_of_which_nobody_has_seen_a_request_has_none(heard):
    heard.second(a=1)

    assert heard.feed.totals("other").arrived == 0


def test_queue_of_a_dead_replica_is_gone(heard):
    heard.feed.hear(1.0, {"a": report(1.0, 9, ongoing=9)}, ["a"])
    assert heard.feed.totals("ingress").ongoing == 9

    heard.feed.hear(2.0, {}, [])

    assert heard.feed.totals("ingress").ongoing == 0


WILD = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([math.nan, -1.0, 1e300, -0.0]),
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), WILD), max_size=30))
def test_totals_only_grow_whatever_is_reported(seconds):
    feed, last = Feed(0.0), 0.0
    for now_s, counts in enumerate(seconds):
        reports = {name: report(float(now_s), n, age=0.0) for name, n in counts.items()}
        feed.hear(float(now_s), reports, counts)
        total = feed.totals("ingress").counted
        assert total >= last
        last = total


def test_ongoing_that_is_no_number_is_none(heard):
    feed = heard.feed
    feed.hear(1.0, {"a": report(1.0, 1, **{ONGOING: math.nan})}, ["a"])

    assert feed.totals("ingress").ongoing == 0


def test_replica_that_counts_nothing_may_fall_silent():
    feed = Feed(0.0)
    quiet = Report(1.0, {AGE: 1.0})

    for second in range(1, 10):
        speaking = {"a": report(float(second), 5 * second)}
        feed.hear(second, {**speaking, "b": quiet}, {"a", "b"})

    assert feed.totals("ingress").completed == 45


IMPOSSIBLE = [math.nan, math.inf, -math.inf, -1.0, 1e300]


@pytest.mark.parametrize("load_s", IMPOSSIBLE)
def test_load_that_cannot_be_was_not_said(heard, load_s):
    said = Report(1.0, {AGE: 1.0, LOAD: load_s})

    heard.feed.hear(1.0, {"a": said, "b": Report(1.0, {LOAD: 2.5})}, {"a", "b"})

    assert (heard.feed.load_s("a"), heard.feed.load_s("b")) == (None, 2.5)


@pytest.mark.parametrize("age_s", IMPOSSIBLE)
def test_replica_whose_age_cannot_be_counts_as_a_new_one(heard, age_s):
    heard.feed.hear(1.0, {"a": report(1.0, 10, age=age_s)}, ["a"])

    assert heard.feed.totals("ingress").arrived == 10
