"""Counting."""

import numpy as np

from deployments.ensembles.stats import EnsembleStats


def classes(*numbers):
    return np.array(numbers, np.int64)


def test_rows_of_a_cascade_are_counted_by_the_members_that_had_a_say():
    stats = EnsembleStats()

    stats.count_rows(classes(1, 1, 3, 2), most=3)

    assert stats.rows == 4
    assert stats.members_run == {1: 2, 2: 1, 3: 1}
    assert stats.exits == {1: 2, 2: 1}


def test_only_rows_with_two_members_can_be_unanimous():
    stats = EnsembleStats()
    said = {
        "a": (classes(0, 1, 2), classes(5, 5, 5)),
        "b": (classes(1, 2), classes(5, 6)),
    }

    stats.count_agreement(classes(5, 5, 6), said)

    assert (stats.compared, stats.unanimous) == (2, 1)
    assert (stats.of("a").agreed, stats.of("b").agreed) == (2, 2)


def test_members_asked_together_are_counted_as_if_one_by_one():
    together, apart = EnsembleStats(), EnsembleStats()
    every, answer = classes(0, 1, 2), classes(1, 2, 3)
    said = {"a": classes(1, 2, 3), "b": classes(1, 2, 0)}

    together.count_together(answer, said, most=2)
    apart.count_rows(classes(2, 2, 2), most=2)
    apart.count_agreement(answer, {m: (every, first) for m, first in said.items()})

    assert together == apart
    assert together.unanimous == 2
