import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.contract import check, check_form
from deployments.errors import InvalidInput
from deployments.messages import Contract, Request, TensorContract

SIMPLE = Contract(
    name="simple",
    version="1",
    platform="test",
    inputs=(
        TensorContract("INPUT0", "INT32", (-1, 4)),
        TensorContract("INPUT1", "FP32", (-1, -1, 3)),
    ),
    outputs=(TensorContract("OUTPUT0", "INT32", (-1, 4)),),
    max_batch_size=8,
    alternatives=(TensorContract("INPUT0", "UINT8", (-1, 2)),),
)


def good(rows=2):
    return {
        "INPUT0": np.zeros((rows, 4), np.int32),
        "INPUT1": np.zeros((rows, 5, 3), np.float32),
    }


def refusal(**changes):
    with pytest.raises(InvalidInput) as refused:
        check(SIMPLE, Request("simple", good() | changes))
    return str(refused.value)


@given(st.integers(1, 8))
def test_good_request_is_counted_in_rows(rows):
    assert check(SIMPLE, Request("simple", good(rows))) == rows


def test_alternative_form_of_an_input_is_taken():
    inputs = good() | {"INPUT0": np.zeros((2, 2), np.uint8)}

    assert check(SIMPLE, Request("simple", inputs)) == 2


def test_missing_input_is_counted():
    with pytest.raises(InvalidInput, match="expected 2 inputs but got 1 inputs for"):
        check(SIMPLE, Request("simple", {"INPUT0": good()["INPUT0"]}))


def test_unknown_input_is_named():
    text = refusal(NOPE=np.zeros((2, 1), np.float32))

    assert text == "unexpected inference input 'NOPE' for model 'simple'"


def test_wrong_datatype_says_what_was_expected():
    text = refusal(INPUT0=np.zeros((2, 4), np.float32))

    assert text == (
        "inference input 'INPUT0' data-type is 'FP32', but model 'simple' "
        "expects 'INT32'"
    )


@pytest.mark.parametrize("shape", [(2, 5), (2, 4, 1), (2,), ()])
def test_wrong_shape_says_what_was_expected(shape):
    text = refusal(INPUT0=np.zeros(shape, np.int32))

    assert "unexpected shape for input 'INPUT0'" in text
    assert "Expected [-1,4], got [" in text


def test_different_row_counts_are_refused():
    text = refusal(INPUT0=np.zeros((3, 4), np.int32))

    assert "must have the same number of rows, got [2, 3]" in text


def test_too_many_rows_are_refused_with_the_limit():
    with pytest.raises(InvalidInput) as refused:
        check(SIMPLE, Request("simple", good(9)))

    assert str(refused.value) == (
        "inference request batch-size must be <= 8 for 'simple'"
    )


def test_no_rows_are_refused():
    with pytest.raises(InvalidInput, match="has no rows"):
        check(SIMPLE, Request("simple", good(0)))


@pytest.mark.parametrize(
    ("name", "datatype", "shape", "text"),
    [
        ("NOPE", "INT32", (1, 4), "unexpected inference input 'NOPE'"),
        ("INPUT0", "FP32", (1, 4), "data-type is 'FP32'"),
        ("INPUT0", "INT32", (1, 5), "unexpected shape for input 'INPUT0'"),
        ("INPUT0", "INT32", (), "unexpected shape for input 'INPUT0'"),
        ("INPUT0", "INT32", (8_000_000, 4), "batch-size must be <= 8"),
        ("INPUT0", "INT32", (0, 4), "has no rows"),
    ],
)
def test_announced_input_is_judged_before_its_data(name, datatype, shape, text):
    with pytest.raises(InvalidInput, match=re.escape(text)):
        check_form(SIMPLE, name, datatype, shape)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_number_that_is_not_finite_is_refused(value):
    tensor = np.zeros((2, 5, 3), np.float32)
    tensor[1, 4, 2] = value

    assert "holds NaN or infinity" in refusal(INPUT1=tensor)


def test_large_finite_numbers_are_taken():
    huge = np.full((2, 5, 3), np.finfo(np.float32).max)

    assert check(SIMPLE, Request("simple", good() | {"INPUT1": huge})) == 2
