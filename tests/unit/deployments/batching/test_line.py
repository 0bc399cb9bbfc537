import pytest

from configs.model import BatchingSpec, QueuePolicySpec
from deployments.batching.line import Line
from deployments.batching.waiting import Refused, Waiting


def waiting(rows=1, level=1, **said):
    item = Waiting(rows, 0.0)
    item.level = level
    for name, value in said.items():
        setattr(item, name, value)
    return item


def never(item, ahead):
    return False


@pytest.fixture
def line():
    return Line[Waiting](
        BatchingSpec(
            priority_levels=3,
            max_queue_size=10,
            priority_queue_policy={
                2: QueuePolicySpec(timeout_action="DELAY"),
                3: QueuePolicySpec(max_queue_size=4),
            },
        )
    )


def test_levels_are_served_in_order_and_each_in_order_of_arrival(line):
    low, high, second, lowest = (waiting(level=level) for level in (2, 1, 2, 3))
    for item in (lowest, low, high, second):
        line.put(item)

    assert list(line) == [high, low, second, lowest]


def test_crowd_of_a_low_level_does_not_keep_out_a_high_one(line):
    line.put(waiting(10, level=2))

    assert not line.admits(1, 2)
    assert not line.admits(1, 3)
    assert line.admits(10, 1)


def test_level_has_a_limit_of_its_own(line):
    line.put(waiting(3, level=3))

    assert line.admits(1, 3)
    assert not line.admits(2, 3)


def test_empty_level_takes_a_request_larger_than_its_limit(line):
    assert line.admits(9, 3)


def test_timed_out_request_is_rejected(line):
    late, patient = waiting(expires_s=1.0), waiting(expires_s=3.0)
    line.put(late)
    line.put(patient)

    assert line.sift(2.0, never) == [(late, Refused.EXPIRED)]
    assert list(line) == [patient]


def test_timed_out_request_is_served_last_of_its_level_where_that_is_wanted(line):
    late, patient, lower = (
        waiting(level=2, expires_s=1),
        waiting(level=2),
        waiting(level=3),
    )
    for item in (late, patient, lower):
        line.put(item)

    assert line.sift(2.0, never) == []
    assert list(line) == [patient, late, lower]
    assert line.sift(3.0, never) == []
    assert list(line) == [patient, late, lower]


def test_hopeless_request_leaves_and_is_no_longer_in_the_way_of_others(line):
    first, second, third = (waiting(rows, deadline_s=9.0) for rows in (2, 3, 4))
    for item in (first, second, third):
        line.put(item)
    asked = []

    def judge(item, ahead):
        asked.append((item, ahead))
        return item is second

    assert line.sift(0.0, judge) == [(second, Refused.HOPELESS)]
    assert asked == [(first, 0), (second, 2), (third, 2)]
    assert line.rows == 6


def test_who_is_set_back_is_not_before_anybody(line):
    back, other = waiting(5, level=2, deadline_s=9.0), waiting(level=2)
    line.put(back)
    line.put(other)

    line.set_back([back])

    assert list(line) == [other, back]
    assert line.rows_before(3) == 1
    assert line.rows == 6


def test_removed_request_makes_room(line):
    item = waiting(10)
    line.put(item)

    assert line.remove(item)
    assert line.admits(10, 1)
    assert not line.remove(item)


def test_request_that_was_set_back_can_be_removed(line):
    item = waiting(2, level=2, deadline_s=5.0)
    line.put(item)
    line.set_back([item])

    assert line.remove(item)
    assert (line.rows, line.rows_before(3), list(line)) == (0, 0, [])


def test_line_is_plain_until_somebody_wants_more_than_his_turn():
    line = Line[Waiting](BatchingSpec())
    plain, dated = waiting(), waiting(deadline_s=1.0)
    seen = []
    line.put(plain)
    seen.append(line.plain)
    line.put(dated)
    seen.append(line.plain)
    line.take([dated])
    seen.append(line.plain)

    assert seen == [True, False, True]
    assert line.pop(8) == [plain]
