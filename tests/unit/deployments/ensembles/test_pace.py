"""What members are learned to take."""

import pytest

from deployments.ensembles.pace import FADES_S, Pace

CARD = {1: 0.01, 8: 0.08}


def test_card_is_believed_before_anything_is_seen():
    pace = Pace(CARD)

    assert pace.expect_s(4, now_s=0.0) == pytest.approx(0.04, rel=0.01)
    assert Pace({}).expect_s(4, now_s=0.0) == 0.0


def test_wait_before_a_run_is_learned_with_some_reserve():
    pace = Pace(CARD)
    for second in range(40):
        pace.learn(1, 0.11, float(second) / 100)

    assert pace.wait_s(0.4) == pytest.approx(0.1, rel=0.05)
    assert pace.expect_s(1, 0.4) > 0.105


def test_what_was_learned_fades_so_that_the_member_is_tried_again():
    pace = Pace(CARD)
    pace.learn(1, 5.0, 0.0)
    before_s = pace.expect_s(1, 0.0)

    assert pace.expect_s(1, FADES_S) < before_s / 2
    assert pace.expect_s(1, 20 * FADES_S) == pytest.approx(0.01, rel=0.01)


def test_answer_sooner_than_the_card_says_adds_nothing():
    pace = Pace(CARD)
    pace.learn(8, 0.001, 0.0)

    assert pace.wait_s(0.0) == 0.0


def test_rows_on_their_way_are_counted():
    pace = Pace(CARD)
    pace.started(5)
    pace.started(2)
    pace.ended(5)

    assert pace.waiting_rows == 2
