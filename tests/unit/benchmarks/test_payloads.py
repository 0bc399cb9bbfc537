"""The bodies that are sent and how answers are read."""

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from benchmarks import payloads
from configs.model import ImageSpec


def photo(kind: str) -> bytes:
    content = BytesIO()
    Image.new("RGB", (40, 30), (200, 30, 30)).save(content, kind)
    return content.getvalue()


def test_png_is_sent_as_a_jpeg():
    sent = payloads.as_jpeg(photo("PNG"))

    assert Image.open(BytesIO(sent)).format == "JPEG"


def test_jpeg_is_sent_as_it_is():
    assert payloads.as_jpeg(photo("JPEG")) == photo("JPEG")


def test_model_input_has_the_size_of_the_spec():
    made = payloads.model_input(photo("PNG"), ImageSpec(size_px=16, margin_px=4))

    assert made.shape == (1, 3, 16, 16)
    assert made.dtype == np.dtype(np.float32)


def test_tensor_request_is_a_header_and_the_raw_values():
    tensor = np.arange(6, dtype=np.float32).reshape(1, 6)

    sent = payloads.oip_floats("input", tensor)

    length = int(sent.headers[payloads.HEADER_LENGTH])
    header = json.loads(sent.body[:length])
    assert header["inputs"][0]["shape"] == [1, 6]
    assert header["inputs"][0]["parameters"] == {"binary_data_size": 24}
    assert header["parameters"] == {"binary_data_output": True}
    assert np.array_equal(np.frombuffer(sent.body[length:], np.float32), tensor[0])


def test_photo_request_counts_its_bytes():
    sent = payloads.oip_photo("image", b"abc")

    length = int(sent.headers[payloads.HEADER_LENGTH])
    assert sent.body[length:] == b"\x03\x00\x00\x00abc"
    assert json.loads(sent.body[:length])["inputs"][0]["datatype"] == "BYTES"


def test_class_of_a_binary_answer_starts_after_its_header():
    logits = np.array([0, 1, 5, 2], np.float32).tobytes()

    found = payloads.class_of_oip_binary(b"{}" + logits, {payloads.HEADER_LENGTH: "2"})

    assert found == 2


def test_class_of_a_json_answer_is_the_first_index():
    answer = {"outputs": [{"name": "class_index", "data": [[281, 282]]}]}

    assert payloads.class_of_oip_json(json.dumps(answer).encode()) == 281


def test_json_answer_without_class_index_is_refused():
    with pytest.raises(ValueError, match="no output class_index"):
        payloads.class_of_oip_json(b'{"outputs": []}')


def test_class_of_the_photo_route_is_its_first_label():
    assert payloads.class_of_labels(b'{"labels": [{"class_index": 7}]}') == 7


def test_class_of_the_plain_pipeline_is_its_first_index():
    assert payloads.class_of_plain(b'{"class_index": [9, 8]}') == 9
