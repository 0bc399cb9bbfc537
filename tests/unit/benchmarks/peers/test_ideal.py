"""What a server that costs nothing reaches, against queues whose answer is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.arrivals import poisson_arrivals_s
from benchmarks.peers.ceiling import ceiling_section
from benchmarks.peers.ideal import Workers, cost_for, free_qps, latencies_s
from tests.fakes_peers import bare, closed, peer_results, run

ONE = Workers(1, {1: 5.0, 4: 17.0})


def test_requests_that_come_apart_wait_for_nobody():
    assert latencies_s(ONE, [0.0, 1.0], most=4) == pytest.approx([0.005, 0.005])


def test_what_waits_when_a_worker_is_free_goes_together():
    late_s = latencies_s(ONE, [0.0, 0.001, 0.002], most=4)

    assert late_s == pytest.approx([0.005, 0.013, 0.012])  # two rows take 9 ms


def test_a_batch_holds_no_more_than_it_may():
    late_s = latencies_s(ONE, [0.0, 0.001, 0.002], most=1)

    assert late_s == pytest.approx([0.005, 0.009, 0.013])


def test_two_workers_answer_two_requests_at_once():
    late_s = latencies_s(Workers(2, {1: 5.0}), [0.0, 0.001], most=1)

    assert late_s == pytest.approx([0.005, 0.005])


@given(
    st.lists(st.floats(0.0, 0.02), min_size=1, max_size=50),
    st.integers(1, 3),
    st.integers(1, 4),
)
def test_every_request_is_answered_once_and_no_sooner_than_the_model(gaps, count, most):
    arrivals_s = [sum(gaps[: at + 1]) for at in range(len(gaps))]

    late_s = latencies_s(Workers(count, ONE.run_ms), arrivals_s, most)

    assert len(late_s) == len(arrivals_s)
    assert min(late_s) >= 0.005 - 1e-9


def test_mean_wait_is_that_of_the_textbook():
    """M/D/1 at half load waits half a service time on average (Pollaczek-Khinchine)."""

    late_s = latencies_s(Workers(1, {1: 5.0}), poisson_arrivals_s(100, 400, 3), 1)

    assert sum(late_s) / len(late_s) == pytest.approx(0.0075, rel=0.03)


def test_a_bound_below_one_run_is_kept_by_nobody():
    assert free_qps(ONE, slo_ms=4.0) is None


def test_a_wider_bound_lets_more_through_but_never_more_than_the_loop():
    narrow, wide = free_qps(ONE, 20.0), free_qps(ONE, 200.0)

    assert narrow is not None
    assert wide is not None
    assert narrow < wide <= ONE.limit_per_s() == pytest.approx(4 / 0.017)


def test_what_a_request_may_cost_is_what_the_rate_leaves():
    qps = free_qps(Workers(1, ONE.run_ms, cost_ms=1.0), 100.0)

    assert qps is not None
    assert cost_for(ONE, 100.0, qps) == pytest.approx(1.0, abs=0.02)
    assert cost_for(ONE, 100.0, 1000.0) is None


def test_report_says_what_the_aim_leaves_for_the_server():
    peer = run("mosec-raw", peak_qps={"100": 100.0}, closed=[closed(120.0)])
    section = ceiling_section(peer_results(peer, bare=[bare(1, 200.0)]))

    assert "| 1.25 times mosec-raw | 125.0 |" in section
    assert ceiling_section(peer_results(peer)) == "Not measured."
