"""Which rows go on to the next member."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from configs.rules import QuorumSpec
from deployments.ensembles.cascade import Cascade, Ladder
from deployments.ensembles.quorum import quorum_of
from models.ensembles import confidence, mean_vote

SHARES = st.floats(0, 1, width=32)


def cascade(rows, thresholds=(0.5, 0.5, 0.0), spare=0, quorum=None, fits=None):
    members = tuple(range(len(thresholds)))
    fallbacks = range(len(members), len(members) + spare)
    weights = [1.0] * (len(members) + spare)
    ladder = Ladder(members, tuple(thresholds))
    return Cascade(ladder, fallbacks, quorum_of(quorum, weights, members), rows, fits)


def two_classes(*firsts):
    """Distributions whose first class has these probabilities."""
    return np.array([[p, 1 - p] for p in firsts], np.float32)


def asked(course):
    """The member and the rows it is asked for; None when nobody is."""
    asks = course.asks()
    if not asks:
        return None
    (ask,) = asks
    everything = range(len(course.members_run))
    return ask.member, list(everything if ask.rows is None else ask.rows)


def test_only_rows_that_are_not_sure_go_on():
    course = cascade(3)
    assert asked(course) == (0, [0, 1, 2])

    course.took(0, two_classes(0.9, 0.6, 0.1))
    assert asked(course) == (1, [1])
    course.took(1, two_classes(1.0))

    assert course.done
    assert asked(course) is None
    assert course.members_run.tolist() == [1, 2, 1]
    assert course.answer()[:, 0].tolist() == pytest.approx([0.9, 0.8, 0.1])


def test_rows_that_are_never_sure_get_the_vote_of_everybody():
    course = cascade(1)
    for member in range(3):
        assert asked(course) == (member, [0])
        course.took(member, two_classes(0.5))

    assert course.done
    assert course.members_run.tolist() == [3]


def test_sure_is_what_reaches_the_threshold():
    course = cascade(2, (0.5, 0.0))
    course.asks()

    course.took(0, two_classes(0.75, 0.745))

    assert asked(course) == (1, [1])


def test_failed_member_fails_the_request_without_a_quorum():
    course = cascade(1)
    course.asks()

    course.failed(0)

    assert course.lost


def test_next_member_takes_over_with_a_quorum():
    course = cascade(2, quorum=QuorumSpec(members=1))
    course.asks()

    course.failed(0)
    assert asked(course) == (1, [0, 1])
    course.took(1, two_classes(0.9, 0.2))

    assert (course.done, course.is_partial) == (True, True)


def test_after_a_failure_being_sure_is_not_enough_without_the_quorum():
    course = cascade(1, quorum=QuorumSpec(members=2))
    course.asks()
    course.failed(0)
    course.asks()

    course.took(1, two_classes(0.99))

    assert asked(course) == (2, [0])


def test_rows_keep_what_they_have_when_the_last_member_fails():
    course = cascade(1, (0.9, 0.0), quorum=QuorumSpec(members=1))
    course.asks()
    course.took(0, two_classes(0.7))
    course.asks()

    course.failed(1)

    assert course.done
    assert course.answer()[0, 0] == pytest.approx(0.7)


def test_fallback_comes_after_everybody_else():
    course = cascade(1, (0.9, 0.0), spare=1, quorum=QuorumSpec(members=2))
    course.asks()
    course.took(0, two_classes(0.7))
    course.asks()
    course.failed(1)

    assert asked(course) == (2, [0])
    course.took(2, two_classes(0.5))

    assert course.done


def test_rows_stop_where_the_next_answer_would_come_too_late():
    course = cascade(2, fits=lambda member, rows: (member, rows) != (1, 1))
    course.asks()

    course.took(0, two_classes(0.9, 0.6))

    assert (course.done, course.out_of_time) == (True, True)
    assert course.answer()[:, 0].tolist() == pytest.approx([0.9, 0.6])


def test_ladder_without_some_members_keeps_the_thresholds_of_the_others():
    ladder = Ladder((2, 0, 1), (0.1, 0.2, 0.3)).only([1, 2])

    assert (ladder.members, ladder.thresholds) == ((2, 1), (0.1, 0.3))


def answered_alone(firsts, thresholds, failing, least):
    """What one row must get, told member by member: its vote and who had a say."""
    said, enough, has_failed = [], least or len(thresholds), False
    for member, threshold in enumerate(thresholds):
        if member in failing:
            has_failed = True
            continue
        said.append(two_classes(firsts[member]))
        vote = mean_vote(said, [1.0] * len(said))
        sure = confidence("margin", vote, said, [1.0] * len(said))[0] >= threshold
        if sure and (not has_failed or len(said) >= enough):
            return vote[0], len(said)
    if has_failed and len(said) < enough:
        return None
    return mean_vote(said, [1.0] * len(said))[0], len(said)


@given(st.data())
def test_each_row_gets_what_it_would_get_alone(data):
    rows, stages = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    thresholds = data.draw(st.tuples(*[st.floats(0, 1)] * stages))
    table = data.draw(arrays(np.float32, (stages, rows), elements=SHARES))
    failing = data.draw(st.sets(st.integers(0, stages - 1)))
    least = data.draw(st.none() | st.integers(1, stages))
    spec = None if least is None else QuorumSpec(members=least)
    course = cascade(rows, thresholds, quorum=spec)
    seen: set[tuple[int, int]] = set()

    while not (course.done or course.lost):
        member, numbers = asked(course)
        assert not seen & {(member, row) for row in numbers}
        seen |= {(member, row) for row in numbers}
        if member in failing:
            course.failed(member)
        else:
            course.took(member, two_classes(*table[member, numbers]))

    wanted = [answered_alone(t, thresholds, failing, least) for t in table.T]
    if course.lost:
        assert None in wanted
        return
    assert course.answer() == pytest.approx(np.stack([w[0] for w in wanted]), abs=1e-6)
    assert course.members_run.tolist() == [w[1] for w in wanted]
