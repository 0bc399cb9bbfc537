"""Three tones are learned and exported; then only what lies in the folder is used.

The environments of LiteRT are kept below HEADWATER_HOME/envs and fetched once (2.5 GB).
"""

import wave

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from configs.audio import AudioSpec
from configs.environment import load_environment
from models.litert.workers.running import answered, opened
from serve_app.cli.main import app
from tests.front_ends import compile_front_end

SPEC = {
    "rate_hz": 8000,
    "samples": 1600,
    "frame_samples": 128,
    "hop_samples": 96,
    "bands": 16,
    "high_hz": 3800,
}
PITCHES_HZ = (300, 900, 2400)
HEARD = AudioSpec.model_validate(SPEC)


def sound(pitch_hz, draw):
    """A tone between silences, in noise, as loud as it comes."""
    at = np.arange(1200) / HEARD.rate_hz
    tone = np.sin(2 * np.pi * pitch_hz * draw.uniform(0.9, 1.1) * at)
    peak = draw.uniform(500, 30_000)
    return np.round(peak * (0.9 * tone + draw.normal(0, 0.02, 1200))).astype("<i2")


def record(folder, count, seed):
    folder.mkdir(parents=True)
    draw = np.random.default_rng(seed)
    for number in range(count):
        kind = number % len(PITCHES_HZ)
        with wave.open(str(folder / f"{kind}_{number:03}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(HEARD.rate_hz)
            file.writeframes(sound(PITCHES_HZ[kind], draw).tobytes())
    rows = sorted(f"{file.name},{file.name[0]}" for file in folder.glob("*.wav"))
    (folder / "labels.csv").write_text("\n".join(["file,class_index", *rows]) + "\n")


def dataset(folder):
    return {
        "id": folder.name,
        "title": folder.name,
        "licence": "MIT",
        "source": f"file://{folder}",
    }


MODEL = {
    "id": "tones",
    "title": "tones",
    "licence": "MIT",
    "architecture": "recipe",
    "inputs": [
        {
            "name": "input",
            "datatype": "FP32",
            "shape": [1, HEARD.frames, HEARD.bands],
        }
    ],
    "outputs": [{"name": "logits", "datatype": "FP32", "shape": [3]}],
    "audio": SPEC,
    "variant": "int8-litert",
}
RECIPE = {
    "id": "tones-edge",
    "title": "tones",
    "model": "tones",
    "variant": "int8-litert",
    "source": {"architecture": "separable"},
    "data": {
        "train": "train",
        "calibration": "test",
        "evaluation": ["test"],
    },
    "steps": [
        {
            "step": "train",
            "options": {"stem": 8, "blocks": "16:2"},
            "epochs": 8,
            "batch": 12,
            "lr": 0.01,
        },
        {"step": "litert-convert"},
        {"step": "litert-quantize", "scheme": "int8", "ends": "int8"},
        {"step": "litert-check", "photos": 12, "threads": [1, 2]},
    ],
    "bar": {"metric": "top1", "min_top1": 0.9},
    "devices": ["microcontroller"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a microcontroller gets of a model that tells three tones apart."""
    root = tmp_path_factory.mktemp("tones")
    catalogue, home = root / "catalogue", root / "home"
    for name, count, seed in (("train", 96, 0), ("test", 30, 1)):
        record(root / name, count, seed)
    for kind, name, spec in (
        ("models", "tones", MODEL),
        ("recipes", "tones-edge", RECIPE),
        ("datasets", "train", dataset(root / "train")),
        ("datasets", "test", dataset(root / "test")),
    ):
        (catalogue / kind).mkdir(parents=True, exist_ok=True)
        (catalogue / kind / f"{name}.yaml").write_text(yaml.safe_dump(spec))
    kept = load_environment().home / "envs"
    kept.mkdir(parents=True, exist_ok=True)
    home.mkdir()
    (home / "envs").symlink_to(kept)
    said = {"HEADWATER_HOME": str(home), "HEADWATER_CATALOGUE": str(catalogue)}
    result = CliRunner().invoke(app, ["edge", "export", "tones-edge"], env=said)
    assert result.exit_code == 0, (result.output, result.exception)
    return home / "edge" / "tones" / "microcontroller"


@pytest.fixture
def front_end(folder, tmp_path):
    """The front end that the C files of the folder make."""
    library = tmp_path / "front_end.so"
    return compile_front_end(folder / "front_end.c", library, HEARD.shape[:2])


def test_device_makes_the_golden_pictures_to_the_last_bit(folder, front_end):
    with np.load(folder / "front_end.npz") as golden:
        heard, seen = golden["pcm"], golden["picture"]

    found = np.stack([front_end(row) for row in heard])

    assert found.max() == 255
    assert (found == seen).all()


def test_device_tells_the_tones_apart_from_samples_alone(folder, front_end):
    draw, wanted, inputs = np.random.default_rng(7), [], []
    for number in range(30):
        pcm = np.zeros(HEARD.samples, np.int16)
        pcm[200:1400] = sound(PITCHES_HZ[number % 3], draw)
        wanted.append(number % 3)
        inputs.append((front_end(pcm) ^ 0x80).view(np.int8)[..., None])

    device = opened(str(folder / "model.tflite"))
    said = device.get_input_details()[0]
    answers = answered(device, np.stack(inputs), lambda *_: None, raw=True)

    assert said["dtype"] == np.int8
    assert (answers.argmax(1) == wanted).mean() >= 0.9


def test_folder_says_what_the_front_end_is(folder):
    checks = yaml.safe_load((folder / "checks.json").read_text())

    assert AudioSpec.model_validate(checks["front_end"]) == HEARD
    assert checks["input"]["shape"] == [1, *HEARD.shape]
    assert checks["input"]["zero_point"] == -1
