"""Whose answers a file gives, and whether those that differ were close calls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge.evidence.agreement import (
    Other,
    agreement,
    compared,
    explained,
    log_shares,
    unexplained,
)
from edge.evidence.facts import CLOSE, Evidence, LayerFact
from edge.evidence.gathering import counted
from models.ensembles import softmax

scores = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 20), st.just(4)), elements=st.floats(-8, 8, width=32)
)  # fmt: skip


def sure(rows, margin=6.0):
    """Logits of class 0 before class 1 by `margin`, in every row."""
    return np.tile(np.array([margin, 0, -9], np.float32), (rows, 1))


def close_calls():
    """100 rows; in the first three the first two classes are 0.01 apart, and INT8 turns two."""
    before, moved = sure(100), 0.1 * np.ones((100, 3), np.float32)
    before[:3] = [0.01, 0, -9]
    after = before + moved * [1, 0, 0]
    after[:2, 1] += 0.2
    return before, after


def test_rows_that_differ_are_told_from_close_calls_that_do_not():
    before, after = close_calls()

    found = agreement(Other("fp32", before), after, np.zeros(100, np.int64))

    assert (found.differing, found.close, found.differing_close) == (2, 3, 2)
    assert found.agreement.value == 0.98
    assert found.sure is not None
    assert (found.sure.value, found.sure.n) == (1.0, 97)
    assert found.moved == pytest.approx(0.1, abs=1e-3)
    assert found.median_distance_differing == pytest.approx(0.01, abs=1e-3)
    assert (found.right_before, found.right_after) == (2, 0)


def test_explanation_says_that_they_were_close_calls():
    before, after = close_calls()
    fact = agreement(Other("fp32", before), after, np.zeros(100, np.int64))
    layers = tuple(LayerFact(layer=f"{n} CONV_2D", snr_db=10.0 + n) for n in range(5))

    told = explained(Evidence(dataset="d", rows=100, agreements=(fact,), layers=layers))

    assert told[0].startswith(
        "98.00% (93.0 to 99.4) of 100 rows have the answer of fp32"
    )
    assert "Of the 2 rows that differ, 2 were close calls" in told[1]
    assert "3 of all rows" in told[1]
    assert "On the 97 rows that are no close calls they agree on 100.00%" in told[3]
    assert "0 CONV_2D (10.0 dB), 1 CONV_2D (11.0 dB), 2 CONV_2D" in told[4]


def test_real_difference_is_not_called_a_close_call():
    before = sure(100)
    after = before.copy()
    after[:2] = after[:2, ::-1]

    found = agreement(Other("fp32", before), after, np.zeros(100, np.int64))

    assert (found.differing, found.differing_close) == (2, 0)
    assert found.sure is not None
    assert found.sure.value == 0.98


def evidence(fact):
    return Evidence(dataset="d", rows=fact.agreement.n, agreements=(fact,))


def test_unrelated_file_does_not_make_close_calls_of_anything():
    draw = np.random.default_rng(5)
    before, after = (
        draw.normal(0, size, (904, 100)).astype(np.float32) for size in (4, 400)
    )

    fact = agreement(Other("fp32", before), after, np.zeros(904, np.int64))

    assert (compared(before, after).before < fact.moved).all()
    assert fact.close < 904 / 2
    (told,) = unexplained(evidence(fact))
    assert told.startswith("Not explained: it has the answer of fp32 on ")
    assert "rows that are no close calls; wanted are 99%" in told
    assert told in explained(evidence(fact))


def test_close_calls_are_those_of_the_other_variant_whatever_the_file_does():
    before = np.concatenate([sure(10, CLOSE - 0.01), sure(10, CLOSE + 0.01)])
    draw = np.random.default_rng(5)

    for size in (0.1, 1, 100):
        after = before + draw.normal(0, size, before.shape).astype(np.float32)
        fact = agreement(Other("fp32", before), after, np.zeros(20, np.int64))
        assert fact.close == 10


def test_nothing_is_explained_where_every_row_is_a_close_call():
    before = sure(100, CLOSE / 2)

    fact = agreement(Other("fp32", before), before[:, ::-1], np.zeros(100, np.int64))

    assert fact.sure is None
    assert "every row is a close call" in unexplained(evidence(fact))[0]


def test_close_calls_that_turned_are_explained():
    before, after = close_calls()

    fact = agreement(Other("fp32", before), after, np.zeros(100, np.int64))

    assert not fact.is_enough
    assert unexplained(evidence(fact)) == ()


def test_student_need_not_explain_that_it_is_not_its_teacher():
    before = sure(100)
    other = Other("teacher", before, expected=False)

    fact = agreement(other, before[:, ::-1], np.zeros(100, np.int64))

    assert fact.agreement.value == 0
    assert explained(evidence(fact)) == unexplained(evidence(fact)) == ()


def test_file_that_agrees_explains_nothing():
    fact = agreement(Other("fp32", sure(100)), sure(100), np.zeros(100, np.int64))
    layers = (LayerFact(layer="0 CONV_2D", snr_db=1.0),)

    told = explained(Evidence(dataset="d", rows=100, agreements=(fact,), layers=layers))

    assert fact.is_enough
    assert fact.median_distance_differing is None
    assert told == ()


@given(scores)
def test_logits_and_their_probabilities_are_the_same_distances(logits):
    np.testing.assert_allclose(
        compared(logits, logits).before,
        compared(softmax(logits.astype(np.float64)), logits).before,
        atol=1e-4,
    )
    np.testing.assert_allclose(np.exp(log_shares(logits)).sum(axis=1), 1)


@given(scores)
def test_nothing_differs_from_itself(logits):
    found = compared(logits, logits)

    assert not found.differs.any()
    assert (found.before >= 0).all()
    assert found.moved == 0


def test_confusion_counts_rows_by_class_and_answer():
    scores = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32)

    table = counted(scores, np.array([0, 0, 1, 2]))

    assert table == ((1, 1, 0), (0, 1, 0), (0, 0, 1))
