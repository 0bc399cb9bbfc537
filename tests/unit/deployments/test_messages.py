import pickle

from deployments.messages import CALM, Request, Urgency


def test_urgency_survives_the_way_to_another_clock():
    urgency = Urgency(105.0, 2.0, 100.0, 1)

    there = urgency.shifted(-103.0).shifted(7003.0)

    assert there == Urgency(7005.0, 2.0, 7000.0, 1)


def test_urgency_without_a_moment_is_the_same_on_every_clock():
    assert CALM.shifted(5.0) is CALM


def test_sooner_deadline_counts():
    assert Urgency(105.0).within(10.0, 100.0) == Urgency(105.0)
    assert Urgency(105.0).within(2.0, 100.0) == Urgency(102.0)
    assert CALM.within(2.0, 100.0) == Urgency(102.0)


def test_request_that_says_nothing_is_calm_on_the_other_side_too():
    there = pickle.loads(pickle.dumps(Request("m", {})))

    assert there.urgency == CALM
