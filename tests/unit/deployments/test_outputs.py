import pickle

import numpy as np
import pytest

from configs.model import TensorSpec
from deployments.outputs import Outputs, WrongAnswer

LOGITS = TensorSpec(name="logits", datatype="FP32", shape=(3,))
BOXES = TensorSpec(name="boxes", datatype="INT64", shape=(-1, 4))
TEXT = TensorSpec(name="text", datatype="BYTES")


def logits(*shape, dtype=np.float32):
    return {"logits": np.zeros(shape, dtype)}


def test_answers_that_are_as_promised_pass():
    words = np.empty(2, np.object_)
    boxes = np.zeros((2, 7, 4), np.int64)

    Outputs([LOGITS, BOXES, TEXT]).check(
        {**logits(2, 3), "boxes": boxes, "text": words}, 2
    )


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (logits(2, 4), "'logits' must be FP32 [2,3], got FP32 [2,4]"),
        (logits(2), "'logits' must be FP32 [2,3], got FP32 [2]"),
        (logits(3, 3), "'logits' must be FP32 [2,3], got FP32 [3,3]"),
        (logits(2, 3, dtype=np.float64), "must be FP32 [2,3], got FP64 [2,3]"),
        ({"other": np.zeros((2, 3))}, "'logits' must be among the outputs, got other"),
        ({}, "'logits' must be among the outputs, got none"),
        (
            {**logits(2, 3), "extra": np.zeros(2)},
            "'extra' must be left out, got FP64 [2]",
        ),
    ],
)
def test_answer_that_is_not_as_promised_is_refused_with_both(answers, words):
    with pytest.raises(WrongAnswer) as refused:
        Outputs([LOGITS]).check(answers, 2)

    assert words in str(refused.value)


def test_dimension_that_varies_may_be_of_any_size_and_the_others_not():
    with pytest.raises(WrongAnswer, match=r"INT64 \[1,-1,4\], got INT64 \[1,4\]"):
        Outputs([BOXES]).check({"boxes": np.zeros((1, 4), np.int64)}, 1)


def test_without_a_promise_only_the_rows_count():
    Outputs().check(logits(2, 9), 2)

    with pytest.raises(WrongAnswer, match=r"must be 3 rows, got FP32 \[2,9\]"):
        Outputs().check(logits(2, 9), 3)


def test_refusal_survives_a_trip_between_processes():
    error = WrongAnswer("logits", "FP32 [1,3]", "FP32 [1,4]")

    twin = pickle.loads(pickle.dumps(error))

    assert (str(twin), vars(twin)) == (str(error), vars(error))
