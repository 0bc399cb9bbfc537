"""A .tflite file served as it is, against LiteRT asked directly."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from configs.model import TensorSpec
from deployments.backends.litert import LitertBackend, quantised
from models.litert.edges import with_uint8_ends
from tests.tiny_lite import CHANNELS, CLASSES, SIDE, put, rows, tiny_float, tiny_int8

PICTURE = (TensorSpec(name="input", datatype="FP32", shape=(CHANNELS, SIDE, SIDE)),)
LOGITS = (TensorSpec(name="logits", datatype="FP32", shape=(CLASSES,)),)


def opened(file: Path) -> LitertBackend:
    return LitertBackend(file, PICTURE, LOGITS)


def asked(backend: LitertBackend, images: np.ndarray) -> np.ndarray:
    """The logits of images [n, h, w, c], which go in as the card says, [n, c, h, w]."""
    return backend.run({"input": images.transpose(0, 3, 1, 2)})["logits"]


def directly(file: Path, images: np.ndarray) -> np.ndarray:
    """What LiteRT itself answers, in floats."""
    interpreter = Interpreter(str(file), num_threads=1)
    interpreter.allocate_tensors()
    (into,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in images:
        row = image[None]
        if into["dtype"] is not np.float32:
            scale, zero = into["quantization"]
            ends = np.iinfo(into["dtype"])
            row = np.clip(np.round(row / scale) + zero, ends.min, ends.max)
        interpreter.set_tensor(into["index"], row.astype(into["dtype"]))
        interpreter.invoke()
        answer = interpreter.get_tensor(out["index"])[0].astype(np.float32)
        scale, zero = out["quantization"]
        found.append((answer - zero) * np.float32(scale) if scale else answer)
    return np.stack(found)


@pytest.fixture(params=["float", "int8", "uint8"])
def file(request, tmp_path):
    if request.param == "float":
        return put(tmp_path, tiny_float())
    source = put(tmp_path, tiny_int8())
    if request.param == "int8":
        return source
    target = tmp_path / "uint8.tflite"
    with_uint8_ends(source, target)
    return target


def test_pictures_are_answered_as_the_device_answers_them(file):
    images = rows(6)

    found = asked(opened(file), images)

    assert found.dtype == np.float32
    assert found.shape == (6, CLASSES)
    np.testing.assert_array_equal(found, directly(file, images))


def test_row_of_a_batch_is_answered_as_it_is_alone(file):
    backend, images = opened(file), rows(3)

    together = asked(backend, images)

    alone = [asked(backend, images[n : n + 1]) for n in range(3)]
    np.testing.assert_array_equal(together, np.concatenate(alone))


def test_value_out_of_range_stays_at_its_end(tmp_path):
    file = put(tmp_path, tiny_int8())
    images = np.full((1, SIDE, SIDE, CHANNELS), 1e6, np.float32)

    np.testing.assert_array_equal(
        asked(opened(file), images), asked(opened(file), np.minimum(images, 1.0))
    )


@given(
    hnp.arrays(np.float32, 9, elements=st.floats(-1e6, 1e6, width=32)),
    st.floats(2**-13, 8, width=32),
    st.integers(-128, 127),
)
def test_steps_are_the_nearest_that_there_are(values, scale, zero):
    steps = quantised(values, scale, zero, np.dtype(np.int8)).astype(np.float64)

    ends = [(end - zero) * np.float64(np.float32(scale)) for end in (-128, 127)]
    reached = np.clip(values.astype(np.float64), *ends)
    back = (steps - zero) * np.float64(np.float32(scale))
    assert np.all(np.abs(back - reached) <= 0.5001 * scale)


def test_slots_ask_at_once_without_mixing_rows(file):
    backend = opened(file)
    batches = [rows(4, seed) for seed in range(12)]

    with ThreadPoolExecutor(4) as slots:
        found = list(slots.map(lambda images: asked(backend, images), batches))

    for images, answer in zip(batches, found, strict=True):
        np.testing.assert_array_equal(answer, directly(file, images))


def test_request_that_fails_leaves_the_next_one_be(tmp_path):
    backend = opened(put(tmp_path, tiny_float()))
    images = rows(2)

    with pytest.raises(ValueError, match="reshape"):
        backend.run({"input": np.zeros((1, CHANNELS, SIDE, SIDE + 1), np.float32)})

    assert asked(backend, images).shape == (2, CLASSES)


def test_file_with_other_tensors_than_the_card_is_refused(tmp_path):
    file = put(tmp_path, tiny_float())

    with pytest.raises(ValueError, match="card has 2 tensors on a side, the file 1"):
        LitertBackend(file, PICTURE * 2, LOGITS)


def test_damaged_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="valid Flatbuffer"):
        opened(put(tmp_path, b"\0" * 64))
