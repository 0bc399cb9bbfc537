"""The classification extension."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deployments.errors import InvalidInput
from deployments.messages import Tensor
from serve_app.oip.classes import classify
from tests.fakes_protocol import SCORER

SCORES = np.array([[0.5, 2.25, -1.0, 2.25], [4.0, 3.0, 2.0, 1.0]], np.float32)


def test_best_classes_come_first_with_their_labels():
    answer = classify(SCORER, "logits", SCORES, 2)

    assert answer.tolist() == [
        [b"2.250000:1:goldfish", b"2.250000:3:tiger shark"],
        [b"4.000000:0:tench", b"3.000000:1:goldfish"],
    ]


def test_class_without_a_label_has_none():
    answer = classify(replace(SCORER, labels=("tench",)), "logits", SCORES[:1], 2)

    assert answer.tolist() == [[b"2.250000:1", b"2.250000:3"]]


def test_more_classes_than_there_are_means_all():
    assert classify(SCORER, "logits", SCORES, 99).shape == (2, 4)


def test_whole_numbers_are_written_as_such():
    answer = classify(SCORER, "logits", np.array([[7, 9]], np.int64), 1)

    assert answer.tolist() == [[b"9:1:goldfish"]]


@pytest.mark.parametrize(
    ("values", "datatype", "order"),
    [
        ([2**53, 2**53 + 1, -1, 2**53 + 2], np.int64, [3, 1, 0, 2]),
        ([-(2**63), 2**63 - 1, 0, -(2**63) + 1], np.int64, [1, 2, 3, 0]),
        ([0, 2**64 - 1, 2**64 - 2, 0], np.uint64, [1, 2, 0, 3]),
        ([3, 200, 3, 255], np.uint8, [3, 1, 0, 2]),
        ([-128, 127, 0, 127], np.int8, [1, 3, 2, 0]),
        ([1.5, -2.0, 1.5, 60000.0], np.float16, [3, 0, 2, 1]),
    ],
)
def test_values_are_ordered_in_their_own_type(values, datatype, order):
    answer = classify(SCORER, "logits", np.array([values], datatype), 4)

    assert [int(text.split(b":")[1]) for text in answer[0]] == order


@pytest.mark.parametrize(
    "tensor", [np.array([[b"x"]], np.object_), np.array([[True]]), np.float32(1)]
)
def test_output_without_numbers_in_rows_has_no_classes(tensor: Tensor):
    with pytest.raises(InvalidInput, match="output 'y' of model 'scorer' has no class"):
        classify(SCORER, "y", np.asarray(tensor), 1)


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 3), st.integers(1, 5)),
        elements=st.floats(-1e6, 1e6, width=32),
    ),
    st.integers(1, 6),
)
def test_indices_are_those_of_the_largest_values(scores: Tensor, count: int):
    answer = classify(SCORER, "logits", scores, count)

    for row, texts in zip(scores, answer, strict=True):
        named = [int(text.split(b":")[1]) for text in texts]
        rest = np.delete(row, named)
        assert len(set(named)) == len(named) == min(count, len(row))
        assert all(row[named].min() >= rest)
