import random

import pytest

from deployments.batching.latency import Latency


def true_s(rows):
    return 0.004 + 0.001 * rows


def taught(runs, noise=0.1, outliers=0.03, prior=None):
    draw = random.Random(7)
    latency = Latency(prior or {})
    for _ in range(runs):
        rows = draw.choice([1, 2, 4, 8, 16])
        run_s = true_s(rows) * draw.lognormvariate(0, noise)
        if draw.random() < outliers:
            run_s *= 20
        latency.learn(rows, run_s)
        latency.expect_s(rows)
    return latency


def test_nothing_is_expected_before_anything_is_known():
    latency = Latency()

    assert (latency.expect_s(4), latency.late_s(4), latency.least_s(4)) == (0, 0, 0)


def test_card_is_believed_until_there_are_runs():
    latency = Latency({1: 0.02, 8: 0.09, 32: 0.33})

    assert latency.expect_s(8) == pytest.approx(0.09, rel=0.1)
    assert latency.expect_s(16) == pytest.approx(0.17, rel=0.1)


def test_card_refuses_nobody():
    assert Latency({1: 0.02}).least_s(1) == 0


def test_runs_outweigh_a_card_from_a_slower_machine():
    latency = taught(200, prior={1: 0.5, 8: 4.0})

    assert latency.expect_s(8) == pytest.approx(true_s(8), rel=0.2)


@pytest.mark.parametrize("rows", [1, 2, 4, 8, 16])
def test_noise_and_outliers_do_not_pull_what_is_expected(rows):
    assert taught(400).expect_s(rows) == pytest.approx(true_s(rows), rel=0.2)


@pytest.mark.parametrize("rows", [3, 6, 12, 32])
def test_sizes_never_seen_are_told_from_the_others(rows):
    assert taught(400).expect_s(rows) == pytest.approx(true_s(rows), rel=0.25)


def test_most_runs_stay_below_the_late_one():
    latency = taught(400, outliers=0)

    draw = random.Random(8)
    runs = [true_s(8) * draw.lognormvariate(0, 0.1) for _ in range(500)]

    late = sum(run_s > latency.late_s(8) for run_s in runs)
    assert 0 < late < 0.15 * len(runs)


def test_least_is_the_shortest_run_of_that_size():
    latency = Latency()
    for run_s in (0.03, 0.02, 0.05):
        latency.learn(4, run_s)

    assert latency.least_s(4) == 0.02


def test_what_a_larger_batch_did_a_smaller_one_can_do():
    latency = Latency()
    latency.learn(1, 0.5)  # a first run, with everything cold
    latency.learn(8, 0.02)

    assert latency.least_s(1) == 0.02


def test_least_of_a_size_below_all_that_were_seen_is_its_share():
    latency = Latency()
    latency.learn(8, 0.08)

    assert latency.least_s(2) == pytest.approx(0.02)


def test_least_of_a_size_above_all_that_were_seen_is_the_largest_ones():
    latency = Latency()
    latency.learn(8, 0.08)

    assert latency.least_s(32) == 0.08


def test_least_of_a_row_allows_for_batches_never_seen():
    latency = Latency()
    latency.learn(1, 0.01)

    assert latency.least_row_s(10) == pytest.approx(0.001)


def test_model_that_became_slower_is_noticed():
    latency = taught(200)
    for _ in range(200):
        latency.learn(8, 3 * true_s(8))
        latency.expect_s(8)

    assert latency.expect_s(8) == pytest.approx(3 * true_s(8), rel=0.15)


def test_runs_that_nobody_asks_about_are_forgotten_in_the_end():
    latency = Latency()
    for _ in range(10_000):
        latency.learn(1, 0.01)

    assert latency.expect_s(1) == pytest.approx(0.01)
