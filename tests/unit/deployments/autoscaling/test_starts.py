import numpy as np

from deployments.autoscaling.starts import Orders, Starts, believe

ROW = np.array([0])


def follow(orders, starts, ready, target, now_s):
    return orders.follow(
        ["a"], starts, np.array([ready]), np.array([target]), float(now_s)
    )


def test_start_is_measured_from_its_order_to_its_first_ready_second():
    orders, starts = Orders(), Starts(1)
    for round_s in (0, 100, 200):
        follow(orders, starts, 1, 2, round_s)
        follow(orders, starts, 2, 2, round_s + 33)
        follow(orders, starts, 1, 1, round_s + 50)

    believe(starts, ROW, np.array([15.0]), np.array([0.9]))

    assert starts.expected_s[0] == 33


def test_prior_holds_until_three_starts_were_seen():
    orders, starts = Orders(), Starts(1)
    follow(orders, starts, 1, 2, 0)
    follow(orders, starts, 2, 2, 33)

    believe(starts, ROW, np.array([15.0]), np.array([0.9]))

    assert starts.expected_s[0] == 15


def test_cancelled_order_is_no_measure():
    orders, starts = Orders(), Starts(1)
    follow(orders, starts, 1, 3, 0)
    follow(orders, starts, 1, 1, 5)

    assert (starts.measured[0], starts.open[0]) == (0, 0)


def test_order_that_is_never_ready_is_overdue():
    orders, starts = Orders(), Starts(1)
    starts.expected_s[:] = 10
    follow(orders, starts, 1, 2, 0)

    assert not starts.overdue(30)[0]
    assert starts.overdue(60)[0]
