"""Targets are judged by what was measured, and only by that."""

import pytest

from benchmarks.peers.report import report
from benchmarks.peers.verdict import (
    at_peak,
    bare_per_s,
    best_closed_per_s,
    peak_qps,
    verdicts,
)
from tests.fakes_peers import bare, closed, peer_results, run, trial

PEER = run("mosec-raw", peak_qps={"100": 100.0}, closed=[closed(120.0)])
PLAIN = run("ray-default-defaults", peak_qps={"100": 20.0}, closed=[closed(30.0)])
OURS = run("headwater-model-http", peak_qps={"100": 130.0}, closed=[closed(170.0)])


def judged(results):
    return {one.what: (one.got, one.reached) for one in verdicts(results)}


def test_peak_is_the_median_of_the_repeats_that_have_one():
    runs = [
        run("mosec-raw", repeat=i, peak_qps={"100": value})
        for i, value in enumerate((90.0, None, 110.0))
    ]

    assert peak_qps(peer_results(*runs), "mosec-raw", 100.0) == 100.0


def test_best_closed_loop_is_the_best_number_of_callers():
    one = run("mosec-raw", closed=[closed(40.0, level=1), closed(120.0, level=32)])

    assert best_closed_per_s(peer_results(one), "mosec-raw") == 120.0


def test_bare_loop_counts_at_its_best_batch_size():
    results = peer_results(bare=[bare(1, 200.0), bare(16, 240.0), bare(16, 260.0)])

    assert bare_per_s(results) == 250.0


def test_trial_at_the_peak_is_the_one_of_that_rate_and_slo():
    trials = (trial(100.0, 7.0), trial(115.0, 300.0))
    one = run("mosec-raw", peak_qps={"100": 100.0}, trials=trials)

    (found,) = at_peak(peer_results(one), "mosec-raw", 100.0)

    assert found.p99_ms == 7.0


def test_targets_are_reached():
    results = peer_results(PEER, PLAIN, OURS, bare=[bare(1, 200.0)])

    got = judged(results)

    assert got["times mosec-raw, p99 <= 100 ms"] == (1.3, True)
    assert got["times ray-default-defaults, p99 <= 100 ms"] == (6.5, True)
    assert got["headwater-model-http: of the bare loop, closed loop"] == (0.85, True)


def test_targets_are_missed():
    slow = run("headwater-model-http", peak_qps={"100": 90.0}, closed=[closed(100.0)])
    results = peer_results(PEER, PLAIN, slow, bare=[bare(1, 200.0)])

    got = judged(results)

    assert got["times mosec-raw, p99 <= 100 ms"] == (0.9, False)
    assert got["times ray-default-defaults, p99 <= 100 ms"] == (4.5, False)
    assert got["headwater-model-http: of the bare loop, closed loop"] == (0.5, False)


def test_what_was_not_measured_reaches_nothing():
    got = judged(peer_results(PEER))

    assert got["times mosec-raw, p99 <= 100 ms"] == (None, False)


def test_server_that_keeps_no_rate_is_beaten_by_any_that_does():
    never = run("ray-default-defaults", peak_qps={"100": None})
    what = "times ray-default-defaults, which keeps p99 <= 100 ms never"

    assert judged(peer_results(never, OURS))[what] == (None, True)
    assert judged(peer_results(never))[what] == (None, False)


def test_report_has_a_row_for_each_subject():
    text = report(peer_results(PEER, OURS, bare=[bare(1, 200.0)]))

    row = "| mosec-raw | 602 | 100.0 | 100.0 to 100.0 | - / - | 120.0 | 60% |"
    assert row in text


def test_report_names_who_is_absent_and_why():
    results = peer_results(PEER, absent={"bentoml": "cannot be installed: no wheel"})

    assert "- bentoml: cannot be installed: no wheel" in report(results)


def test_report_of_a_busy_machine_warns():
    busy = peer_results(run("mosec-raw", closed=[closed(10.0, others_cores=0.9)]))

    assert "The machine was busy" in report(busy)
    assert "The machine was busy" not in report(peer_results(PEER))


def test_report_of_a_run_that_was_stopped_says_so():
    stopped = peer_results(PEER).model_copy(update={"ended_early": True})

    assert "Ended early" in report(stopped)


@pytest.mark.parametrize("share", ["added p50 at 50% load, ms", "added p99"])
def test_added_time_is_judged_without_the_wait_for_the_thread(share):
    results = peer_results(OURS, added_ms={"p50": 0.9, "p90": 2.0, "p99": 6.0})

    got = {what: well for what, (_, well) in judged(results).items() if share in what}

    assert list(got.values()) == [share != "added p99"]
