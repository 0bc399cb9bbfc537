import pytest

from deployments.residency.demand import Demand


def test_steady_requests_are_counted_a_second():
    demand = Demand(memory_s=30)
    for at in range(1, 400):
        demand.learn(5 * at, float(at))

    assert demand.rate(400.0) == pytest.approx(5, rel=0.05)


def test_demand_fades_when_nobody_asks():
    demand = Demand(memory_s=30)
    demand.learn(10, 100.0)

    assert demand.rate(100.0) == pytest.approx(10 / 30)
    assert demand.rate(130.0) == pytest.approx(10 / 30 / 2.718, rel=0.01)


def test_of_sparse_requests_the_latest_counts_most():
    often, lately = Demand(memory_s=30), Demand(memory_s=30)
    often.learn(9, 0.0)
    lately.learn(1, 300.0)

    assert lately.rate(301.0) > often.rate(301.0)


def test_telling_the_same_uses_again_changes_nothing():
    demand = Demand()
    demand.learn(3, 10.0)
    before = demand.rate(20.0)

    demand.learn(3, 10.0)

    assert demand.rate(20.0) == before
