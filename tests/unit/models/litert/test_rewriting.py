"""The four traps of converted files, and UINT8 ends; answers stay the same."""

import numpy as np
import pytest

from models.errors import BadModelFile
from models.litert.edges import with_uint8_ends
from models.litert.floor import FLOOR, lift, raise_dead_channels
from models.litert.reading import read, read_file
from models.litert.rewriting import LOWEST_INT8, normalise, pack, unpack
from models.litert.versions import oldest_runtime, registry, unknown_to
from models.litert.workers.running import answered, opened
from tests.tiny_lite import (
    put,
    rows,
    tiny_float,
    tiny_int8,
    with_buffers_outside,
)


def answers(file, images, kernels="reference"):
    return answered(opened(str(file), kernels), images, lambda *_: None)


def raised_versions(content):
    model = unpack(content)
    for code in model.operatorCodes:
        code.version = 5
    return pack(model)


def test_weights_come_back_into_the_flatbuffer(tmp_path):
    file = put(tmp_path, with_buffers_outside(tiny_int8()))

    told = normalise(file, tmp_path / "out.tflite")

    graph = read_file(tmp_path / "out.tflite")
    assert told.moved_buffers == 5
    assert not any(tensor.outside for tensor in graph.tensors)
    assert oldest_runtime(graph) == "tensorflow-2.5.0"
    assert "outside" in unknown_to(read_file(file), "tensorflow-2.5.0")[0]


def test_operators_get_the_lowest_version_that_says_what_they_do(tmp_path):
    file = put(tmp_path, raised_versions(tiny_int8()))

    told = normalise(file, tmp_path / "out.tflite")

    assert told.versions == (
        ("CONV_2D", 5, 3), ("FULLY_CONNECTED", 5, 4), ("MEAN", 5, 2),
    )  # fmt: skip


def test_versions_of_float_operators_stay(tmp_path):
    file = put(tmp_path, tiny_float())

    assert normalise(file, tmp_path / "out.tflite").versions == ()


def test_lowest_versions_are_known_to_the_oldest_runtime():
    known = registry("tensorflow-2.5.0")

    assert [name for name, low in LOWEST_INT8.items() if low > known[name]] == []


def test_normalised_file_gives_the_same_answers(tmp_path):
    before = put(tmp_path, with_buffers_outside(tiny_int8(conv_version=5)))
    after = tmp_path / "after.tflite"

    normalise(before, after)

    np.testing.assert_array_equal(answers(before, rows()), answers(after, rows()))


def test_normalising_twice_changes_nothing(tmp_path):
    once, twice = tmp_path / "once.tflite", tmp_path / "twice.tflite"
    normalise(put(tmp_path, tiny_int8()), once)

    normalise(once, twice)

    assert once.read_bytes() == twice.read_bytes()


def test_dead_channel_is_lifted_and_answers_hardly_move(tmp_path):
    before = put(tmp_path, tiny_float(dead_channel=True))
    after = tmp_path / "after.tflite"

    raised = raise_dead_channels(before, after)

    kernel = next(t for t in read_file(after).tensors if t.shape == (4, 3, 3, 3))
    largest = np.abs(kernel.values()).reshape(4, -1).max(axis=1)
    assert raised == 1
    assert largest.min() == np.float32(FLOOR)
    np.testing.assert_allclose(
        answers(before, rows()), answers(after, rows()), atol=6 * FLOOR
    )


def test_living_channels_are_left_alone(tmp_path):
    before, after = put(tmp_path, tiny_float()), tmp_path / "after.tflite"

    assert raise_dead_channels(before, after) == 0
    np.testing.assert_array_equal(answers(before, rows()), answers(after, rows()))


def test_lift_works_along_the_last_axis_too():
    weights = np.zeros((3, 3, 2), np.float32)
    weights[..., 0] = 1

    dead = lift(np.moveaxis(weights, 2, 0), 0.5)

    assert (dead, weights[..., 1].max()) == (1, 0.5)


def test_uint8_ends_answer_as_int8_ends_do(tmp_path):
    before, after = put(tmp_path, tiny_int8()), tmp_path / "after.tflite"

    with_uint8_ends(before, after)

    graph = read_file(after)
    ends = [tensor.datatype for tensor in graph.of(graph.inputs + graph.outputs)]
    assert ends == ["UINT8", "UINT8"]
    assert oldest_runtime(graph) == "tensorflow-2.5.0"
    np.testing.assert_array_equal(answers(before, rows()), answers(after, rows()))


def test_int8_input_is_the_uint8_pixel_with_its_first_bit_turned():
    graph = read(tiny_int8())
    (image,) = graph.of(graph.inputs)
    pixels = np.arange(256)

    steps = np.round((pixels - 127) / 128 / image.scales[0]) + image.zero_points[0]

    np.testing.assert_array_equal(
        steps.astype(np.int8), (pixels ^ 0x80).astype(np.int8)
    )


def test_float_file_cannot_get_uint8_ends(tmp_path):
    file = put(tmp_path, tiny_float())

    with pytest.raises(BadModelFile, match="not_int8"):
        with_uint8_ends(file, tmp_path / "out.tflite")


def test_both_kernels_give_nearly_the_same_answers(tmp_path):
    file = put(tmp_path, tiny_int8())

    apart = np.abs(answers(file, rows()) - answers(file, rows(), "optimised"))

    assert apart.max() <= 0.1 + 1e-6  # one step of the output
