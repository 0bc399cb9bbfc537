"""Rows of many lengths that share batches."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError

from configs.model import BatchingSpec, ModelSpec, ShapeBucketsSpec, TensorSpec
from deployments.messages import Reply, Request
from deployments.model import Model
from deployments.padding import Padded, bucket_for, common_size, cut, fill, filled_up
from deployments.slots import Slots

BUCKETS = ShapeBucketsSpec(sizes=(4, 8))
TOKENS = (TensorSpec(name="tokens", datatype="INT64", shape=(-1,)),)
ANSWERS = (
    TensorSpec(name="total", datatype="INT64", shape=(1,)),
    TensorSpec(name="doubled", datatype="INT64", shape=(-1,)),
)
AXES = {"x": (1, 2)}


class Summing:
    """A backend that does not care for zeros at the end; keeps the shapes it saw."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def run(self, inputs):
        tokens = inputs["tokens"]
        self.shapes.append(tokens.shape)
        return {"total": tokens.sum(axis=1, keepdims=True), "doubled": 2 * tokens}


@given(
    hnp.arrays(
        st.sampled_from([np.int64, np.float32, np.uint8, np.bool_]),
        st.tuples(st.integers(1, 3), st.just(3), st.just(3)),
    ),
    st.integers(3, 9),
)
def test_what_is_filled_is_cut_off_again(tensor, size):
    filled = fill({"x": tensor}, AXES, size, 1)

    assert filled["x"].shape == (len(tensor), size, size)
    assert filled["x"].dtype == tensor.dtype
    assert (filled["x"][:, 3:] == 1).all()
    back = cut(filled, AXES, size, 3)
    np.testing.assert_array_equal(back["x"], tensor)


@given(st.sets(st.integers(1, 64), min_size=1).map(sorted), st.integers(1, 70))
def test_bucket_is_the_smallest_that_takes_it(sizes, size):
    bucket = bucket_for(sizes, size)

    if bucket is None:
        assert size > sizes[-1]
    else:
        assert bucket >= size
        assert not [one for one in sizes if size <= one < bucket]


def test_texts_are_filled_with_empty_ones():
    tensor = np.array([[b"a", b"b"]], np.object_)

    filled = fill({"x": tensor}, {"x": (1,)}, 3, 0)

    assert filled["x"].tolist() == [[b"a", b"b", b""]]


def test_sizes_that_differ_have_nothing_in_common():
    one, other = np.zeros((1, 2)), np.zeros((1, 3))

    assert common_size({"a": one, "b": one}, {"a": (1,), "b": (1,)}) == 2
    assert common_size({"a": one, "b": other}, {"a": (1,), "b": (1,)}) is None
    assert common_size({"a": one}, {}) is None


@pytest.fixture
async def asked():
    """Asks a model behind the buckets; with the backend it runs on."""
    backend, slots = Summing(), Slots(1)
    model = Model("m", backend, BatchingSpec(max_batch_size=8), slots)
    model.tell({}, varied=True)
    node = Padded(model, BUCKETS, TOKENS, ANSWERS)

    async def ask(*tokens: int) -> Reply:
        return await node.infer(Request("m", {"tokens": np.array([tokens])}))

    yield ask, backend
    await model.close()
    slots.close()


async def test_rows_of_other_lengths_share_a_batch(asked):
    ask, backend = asked

    replies = await asyncio.gather(ask(1), ask(2, 3), ask(4, 5, 6), ask(*range(7)))

    assert [r.outputs["total"].tolist() for r in replies] == [
        [[1]],
        [[5]],
        [[15]],
        [[21]],
    ]
    assert [r.outputs["doubled"].tolist() for r in replies] == [
        [[2]],
        [[4, 6]],
        [[8, 10, 12]],
        [[0, 2, 4, 6, 8, 10, 12]],
    ]
    assert {width for _, width in backend.shapes} == {4, 8}
    assert sum(rows for rows, _ in backend.shapes) == 4
    assert len(backend.shapes) < 4


async def test_row_that_is_larger_than_all_buckets_stays_as_it_is(asked):
    ask, backend = asked

    reply = await ask(*range(9))

    assert reply.outputs["doubled"].shape == (1, 9)
    assert backend.shapes == [(1, 9)]


async def test_row_that_fills_its_bucket_is_not_copied(asked):
    ask, backend = asked

    reply = await ask(1, 2, 3, 4)

    assert reply.outputs["total"].tolist() == [[10]]
    assert backend.shapes == [(1, 4)]


def a_model(shape: list[int], buckets: object) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "id": "m",
            "title": "m",
            "licence": "MIT",
            "architecture": "recipe",
            "inputs": [{"name": "tokens", "datatype": "INT64", "shape": shape}],
            "outputs": [{"name": "total", "datatype": "INT64", "shape": [1]}],
            "variant": "fp32-onnx",
            "batching": {"shape_buckets": buckets},
        }
    )


def test_model_without_buckets_has_nothing_before_it():
    node = Model("m", Summing(), BatchingSpec(), Slots(1))

    assert filled_up(node, a_model([-1], None)) is node
    assert isinstance(filled_up(node, a_model([-1], {"sizes": [4]})), Padded)


@pytest.mark.parametrize(
    ("shape", "sizes", "text"),
    [
        ([-1], [8, 4], "sizes must ascend"),
        ([-1], [4, 4], "sizes must ascend"),
        ([-1], [], "at least 1 item"),
        ([16], [8], "shape_buckets needs an input with a size that varies"),
    ],
)
def test_buckets_that_make_no_sense_are_refused(shape, sizes, text):
    with pytest.raises(ValidationError, match=text):
        a_model(shape, {"sizes": sizes})
