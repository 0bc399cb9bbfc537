"""Who is asked at once, who stands in, and when that is enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.rules import QuorumSpec
from deployments.ensembles.poll import Poll
from deployments.ensembles.quorum import Quorum, quorum_of
from models.ensembles import majority_vote, mean_vote

ONE_ROW = np.array([[0.5, 0.5]], np.float32)


def poll(first=2, spare=0, quorum=None, vote=mean_vote):
    chosen, fallbacks = range(first), range(first, first + spare)
    weights = [1.0] * (first + spare)
    return Poll(chosen, fallbacks, quorum_of(quorum, weights, chosen), vote)


def named(course):
    return [ask.member for ask in course.asks()]


def test_everybody_is_asked_for_every_row_once():
    course = poll(3)

    asks = course.asks()

    assert [(ask.member, ask.rows) for ask in asks] == [(0, None), (1, None), (2, None)]
    assert course.asks() == []


def test_without_a_quorum_one_failure_loses_the_request():
    course = poll(2)
    course.asks()

    course.failed(1)

    assert course.lost
    assert not course.done


def test_with_a_quorum_the_others_answer():
    course = poll(2, quorum=QuorumSpec(members=1))
    course.asks()

    course.failed(0)
    course.took(1, ONE_ROW)

    assert (course.done, course.lost, course.is_partial) == (True, False, True)


def test_fallback_is_asked_only_when_it_is_needed():
    course = poll(2, spare=1)
    assert named(course) == [0, 1]

    course.took(0, ONE_ROW)
    assert named(course) == []
    course.failed(1)

    assert named(course) == [2]


def test_fallback_stays_home_when_the_quorum_can_be_reached_without_it():
    course = poll(3, spare=1, quorum=QuorumSpec(members=2))
    course.asks()

    course.failed(0)

    assert named(course) == []


def test_quorum_may_ask_for_weight():
    quorum = Quorum([0.6, 0.3, 0.1], least_members=1, least_weight=0.5)

    assert [quorum.holds(members) for members in ([0], [1, 2], [0, 2])] == [
        True,
        False,
        True,
    ]


def test_late_answer_is_worth_as_much_as_an_early_one():
    early, late = poll(2), poll(2)
    said = {0: np.array([[1, 0]], np.float32), 1: np.array([[0, 1]], np.float32)}
    for course, order in ((early, (0, 1)), (late, (1, 0))):
        course.asks()
        for member in order:
            course.took(member, said[member])

    assert np.array_equal(early.answer(), late.answer())


def test_majority_outvotes_one_that_is_sure():
    course = poll(3, vote=majority_vote)
    course.asks()
    for member, row in enumerate([[0.99, 0.01], [0.45, 0.55], [0.4, 0.6]]):
        course.took(member, np.array([row], np.float32))

    assert course.answer()[0].argmax() == 1


@given(st.data())
def test_nobody_is_asked_twice_and_nothing_is_answered_without_a_quorum(data):
    first, spare = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 2))
    least = data.draw(st.none() | st.integers(1, first))
    spec = None if least is None else QuorumSpec(members=least)
    course = poll(first, spare, spec)
    pending, asked, answered = set(named(course)), set(), 0
    asked |= pending
    while pending and not (course.done or course.lost):
        member = data.draw(st.sampled_from(sorted(pending)))
        pending.discard(member)
        if data.draw(st.booleans()):
            course.took(member, ONE_ROW)
            answered += 1
        else:
            course.failed(member)
        more = named(course)
        assert not asked & set(more)
        asked |= set(more)
        pending |= set(more)

    assert course.done != course.lost
    if course.done:
        assert answered >= (first if least is None else least)
        assert course.answer().sum() == pytest.approx(1)
