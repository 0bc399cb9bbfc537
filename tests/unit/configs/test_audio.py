import pytest
from pydantic import ValidationError

from configs.audio import AudioSpec
from configs.model import ModelSpec

DIGITS = {
    "rate_hz": 8000, "samples": 8000, "frame_samples": 256, "hop_samples": 160,
    "high_hz": 3800,
}  # fmt: skip
MODEL = {
    "id": "digits", "title": "digits", "licence": "MIT", "architecture": "recipe",
    "inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 49, 40]}],
    "outputs": [{"name": "logits", "datatype": "FP32", "shape": [10]}],
    "variant": "student", "audio": DIGITS,
}  # fmt: skip


def test_picture_has_a_row_for_each_whole_frame():
    assert AudioSpec.model_validate(DIGITS).shape == (49, 40, 1)


def test_model_that_hears_takes_one_picture():
    spec = ModelSpec.model_validate(MODEL)

    assert spec.front_end == spec.audio


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"hop_samples": 80}, r"audio needs one input, FP32 \[1, 97, 40\]"),
        ({"samples": 100}, "samples must hold at least one frame"),
        ({"high_hz": 5000}, "low_hz < high_hz <= rate_hz / 2"),
        ({"quietest": 3_000_000_000}, "less than or equal to 65535"),
        ({"frame_samples": 200}, "64, 128, 256, 512 or 1024"),
    ],
)
def test_front_end_that_does_not_fit_is_refused(changed, reason):
    with pytest.raises(ValidationError, match=reason):
        ModelSpec.model_validate({**MODEL, "audio": {**DIGITS, **changed}})


def test_model_cannot_see_and_hear():
    image = {"size_px": 40}
    inputs = [{"name": "input", "datatype": "FP32", "shape": [1, 40, 40]}]
    audio = {**DIGITS, "samples": 6496}

    with pytest.raises(ValidationError, match="name image or audio, not both"):
        ModelSpec.model_validate(
            {**MODEL, "image": image, "inputs": inputs, "audio": audio}
        )
