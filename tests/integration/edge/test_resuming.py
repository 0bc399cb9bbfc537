"""`headwater edge export` as people run it: twice in two homes, once stopped by Ctrl-C.

The environments of LiteRT are kept below HEADWATER_HOME/envs and fetched once (2.5 GB).
"""

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from configs.environment import load_environment
from tests.tiny_vision import write_photos, write_tiny_convolution

ROOT = Path(__file__).parents[3]
COMMAND = (
    # A shell that starts tests in the background has them ignore Ctrl-C.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from serve_app.cli.main import main; main()"
)
STOPPED = 130
TIMED = {"card.json", "report.md", "report.html", "threads.png"}
"""What says how long a run took here, which no two runs have in common."""

MODEL = {
    "id": "hues",
    "title": "Hues",
    "licence": "MIT",
    "architecture": "recipe",
    "inputs": [{"name": "input", "datatype": "FP32", "shape": [3, 8, 8]}],
    "outputs": [{"name": "logits", "datatype": "FP32", "shape": [4]}],
    "image": {"size_px": 8},
    "variant": "int8-litert",
}
RECIPE = {
    "id": "hues-edge",
    "title": "Hues",
    "model": "hues",
    "variant": "int8-litert",
    "source": {"architecture": "separable"},
    "data": {"train": "hues", "calibration": "hues", "evaluation": ["hues"]},
    "steps": [
        {
            "step": "train",
            "options": {"stem": 4, "blocks": "8:1", "classes": 4},
            "epochs": 1,
            "batch": 8,
        },
        {"step": "litert-convert"},
        {"step": "litert-quantize", "scheme": "int8", "ends": "int8"},
        {
            "step": "litert-check",
            "photos": 8,
            "threads": [1],
            "oldest_runtime": False,
            "min_agreement": 0.0,
        },
    ],
    "bar": {"metric": "top1", "min_top1": 0.0},
    "devices": ["microcontroller"],
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """One model that only a recipe makes, and photos of one colour each."""
    folder = tmp_path_factory.mktemp("hues")
    write_photos(folder / "hues", write_tiny_convolution(folder / "eye.onnx", 5))
    photos = {
        "id": "hues",
        "title": "Hues",
        "licence": "MIT",
        "source": f"file://{folder / 'hues'}",
    }
    for kind, spec in (("models", MODEL), ("recipes", RECIPE), ("datasets", photos)):
        (folder / "catalogue" / kind).mkdir(parents=True)
        file = folder / "catalogue" / kind / f"{spec['id']}.yaml"
        file.write_text(yaml.safe_dump(spec))
    return folder / "catalogue"


@pytest.fixture
def homes(tmp_path):
    """Two homes with the environments of this installation."""
    kept = load_environment().home.resolve() / "envs"
    kept.mkdir(parents=True, exist_ok=True)
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "envs").symlink_to(kept)
    return tmp_path / "whole", tmp_path / "stopped"


def started(catalogue, home):
    said = {"HEADWATER_HOME": str(home), "HEADWATER_CATALOGUE": str(catalogue)}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "edge", "export", "hues-edge"],
        cwd=ROOT,
        env={**os.environ, **said},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process):
    output, _ = process.communicate()
    return process.returncode, output


def steps(home):
    """The keys of the pieces that are on the shelf of `home`, in the order of the recipe."""
    pieces = (home / "workshop" / "pieces").glob("*/piece.json")
    made = sorted(pieces, key=lambda file: file.stat().st_mtime_ns)
    return [file.parent.name for file in made]


def piece(home, key):
    return home / "workshop" / "pieces" / key / "piece.json"


@contextmanager
def held(home, key):
    """Nobody can make the piece `key` meanwhile: who wants to waits."""
    lock = home / "workshop" / "locks" / key
    lock.parent.mkdir(parents=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def wait_for(file, process):
    """Until `file` is there; an end of `process` before that is a failure."""
    while not file.exists():
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
        assert process.returncode is None, process.communicate()[0]


def exported(home):
    folder = home / "edge" / "hues"
    files = [one for one in folder.rglob("*") if one.is_file()]
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in files
        if one.name not in TIMED
    }


def test_stopped_export_goes_on_and_gives_the_bytes_of_a_whole_one(catalogue, homes):
    whole, stopped = homes
    code, told = ended(started(catalogue, whole))
    assert code == 0, told
    first, second, *_ = steps(whole)

    with held(stopped, second):
        process = started(catalogue, stopped)
        wait_for(piece(stopped, first), process)
        process.send_signal(signal.SIGINT)
        code, told = ended(process)
    before = piece(stopped, first).stat()
    assert (code, steps(stopped)) == (STOPPED, [first]), told
    assert "goes on with what is missing" in told

    code, told = ended(started(catalogue, stopped))
    after = piece(stopped, first).stat()
    assert code == 0, told
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert steps(stopped) == steps(whole)
    assert exported(stopped) == exported(whole)
    assert {"golden.npz", "model.tflite"} <= {
        Path(name).name for name in exported(whole)
    }
