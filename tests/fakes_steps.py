"""Steps of a recipe that do what a test needs, in the place of the real ones.

`fuse` copies its source, `half` makes every answer wrong, `weight-only` fails as told by
a file `trouble` beside the source's weights; each notes that it ran.
"""

import errno
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from models.recipes.bench import Bench
from models.recipes.pieces import Piece
from models.recipes.toolbox import StepEntry, Toolbox

RAN: list[str] = []
TROUBLE: dict[str, str] = {}
PINS: list[str] = []

TOOLBOX = Toolbox(
    {
        "fuse": StepEntry("tests.fakes_steps:copy"),
        "half": StepEntry("tests.fakes_steps:ruin"),
        "weight-only": StepEntry("tests.fakes_steps:stumble"),
        "quantize-static": StepEntry("tests.fakes_steps:copy", data=("calibration",)),
        "quantize-dynamic": StepEntry("tests.fakes_gone:run", extra="build"),
        "export": StepEntry("tests.fakes_steps:copy", takes="torch"),
    },
    {"onnx": "models.recipes.judge:judge_onnx"},
)


def pins() -> list[str]:
    """What an environment is pinned to."""
    return PINS


def copy(
    step: object, source: Piece, target: Path, bench: Bench
) -> Mapping[str, object]:
    """The source as it is, with a sensitivity that a report can draw."""
    RAN.append("copy")
    shutil.copyfile(source.onnx, target / "model.onnx")
    layers = [{"layer": "/full/Conv", "snr_db": 9.5}, {"layer": "/last", "snr_db": 21}]
    return {"sensitivity": layers}


def ruin(
    step: object, source: Piece, target: Path, bench: Bench
) -> Mapping[str, object]:
    """The source with the opposite of every logit."""
    RAN.append("ruin")
    model = onnx.load(source.onnx)
    for held in model.graph.initializer:
        if held.name.startswith("last"):
            held.CopyFrom(
                numpy_helper.from_array(-numpy_helper.to_array(held), held.name)
            )
    onnx.save(model, target / "model.onnx")
    return {}


def stumble(
    step: object, source: Piece, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Half a file and a checkpoint, then what `TROUBLE` says; a copy once it is gone."""
    RAN.append("stumble")
    (target / "model.onnx").write_bytes(b"half a mod")
    seen = bench.checkpoints / "epoch"
    before = int(seen.read_text()) if seen.is_file() else 0
    seen.write_text(str(before + 1))
    kind = TROUBLE.get("kind")
    if kind == "interrupt":
        raise KeyboardInterrupt
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    shutil.copyfile(source.onnx, target / "model.onnx")
    return {"began_at": before, "drawn": np.random.default_rng(bench.seed).random()}
