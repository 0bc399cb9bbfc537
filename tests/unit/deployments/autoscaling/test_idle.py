import numpy as np

from deployments.autoscaling.idle import Idle

START_S = np.array([40.0])
WORTH_S = np.array([300.0])


def taught(gap_s, times):
    idle, wall_s = Idle(1), 0
    for _ in range(times):
        for silent in range(gap_s, -1, -1):
            wall_s += 1
            idle.learn(np.array([gap_s - silent if silent else 0]), wall_s)
    return idle, wall_s


def keeps(idle, wall_s, silent_s):
    idle.idle_s = np.array([silent_s])
    return bool(idle.worth_keeping(wall_s, START_S, WORTH_S)[0])


def test_replica_is_started_before_the_request_that_comes_every_hour():
    idle, wall_s = taught(gap_s=3600, times=12)

    assert not keeps(idle, wall_s, 1200)
    assert keeps(idle, wall_s, 3600 - 45)


def test_replica_is_kept_between_requests_that_follow_soon():
    idle, wall_s = taught(gap_s=20, times=30)

    assert keeps(idle, wall_s, 5)


def test_replica_is_given_back_when_nothing_came_for_a_day():
    idle, wall_s = taught(gap_s=60, times=30)

    assert not keeps(idle, wall_s, 86_400)
