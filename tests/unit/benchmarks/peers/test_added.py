"""What the server adds to the model, out of the batcher's sums."""

import pytest

from benchmarks.peers.added import Seen, parts_of, summarise_parts


def test_each_answer_has_the_run_of_its_own_batch():
    seen = [Seen(0.006, 1.004, 2.001), Seen(0.009, 1.009, 2.004)]

    parts = parts_of(seen, run_sum_s=1.0, queue_sum_s=2.0)

    assert [one.run_ms for one in parts] == pytest.approx([4.0, 5.0])
    assert [one.queue_ms for one in parts] == pytest.approx([1.0, 3.0])
    assert [one.answer_ms for one in parts] == pytest.approx([2.0, 4.0])
    assert [one.server_ms for one in parts] == pytest.approx([1.0, 1.0])


def test_answers_of_one_batch_share_its_run_and_its_waiting():
    seen = [Seen(0.010, 0.008, 0.004), Seen(0.009, 0.008, 0.004)]

    parts = parts_of(seen, run_sum_s=0.0, queue_sum_s=0.0)

    assert [one.run_ms for one in parts] == pytest.approx([8.0, 8.0])
    assert [one.queue_ms for one in parts] == pytest.approx([2.0, 2.0])


def test_order_of_the_answers_does_not_matter():
    seen = [Seen(0.009, 1.009, 2.004), Seen(0.006, 1.004, 2.001)]

    parts = parts_of(seen, run_sum_s=1.0, queue_sum_s=2.0)

    assert [one.run_ms for one in parts] == pytest.approx([4.0, 5.0])


def test_summary_names_percentiles_of_each_part():
    seen = [Seen(0.005 + i / 1000, 0.004 * (i + 1), 0.0) for i in range(100)]

    fact = summarise_parts("it", 0.5, parts_of(seen, 0.0, 0.0))

    assert fact.run_p50_ms == pytest.approx(4.0)
    assert fact.server_ms == pytest.approx({"p50": 50.0, "p90": 90.0, "p99": 99.0})
    assert fact.queue_ms == {"p50": 0.0, "p90": 0.0, "p99": 0.0}
    assert fact.requests == 100
