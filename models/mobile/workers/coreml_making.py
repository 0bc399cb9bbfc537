"""An exported torch program → a Core ML package; where coremltools is.

Off Apple's systems coremltools converts but cannot run what it made: see `coreml_running`
for what is checked instead.
"""

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import coremltools as ct
import coremltools.optimize.coreml as cto
import numpy as np
import torch

from models.mobile.workers.coreml_package import read_program
from models.mobile.workers.coreml_weights import compared

MANIFEST, PROGRAM = "Manifest.json", "Data/com.apple.CoreML/model.mlmodel"
TARGETS = {"iOS16": ct.target.iOS16, "iOS17": ct.target.iOS17, "iOS18": ct.target.iOS18}


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """Write `request["target"]` (.mlpackage) from `request["program"]` (.pt2).

    Request: `scheme` (float16; int8: weights alone), `minimum` (iOS16, iOS17, iOS18),
    `mean` and `std` of pixels, `shape` of the one image [1, c, h, w], `said`: title,
    author, licence and version. The package takes an image of 8-bit pixels,
    which it normalises itself. Answers with the operators of its program, the number of
    the specification, and how far its weights are from those of the source.
    """
    torch.set_num_threads(1)
    program = torch.export.load(request["program"])
    progress("convert", 0, 1)
    made = _converted(program, request)
    if request["scheme"] == "int8":
        how = cto.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=0)
        config = cto.OptimizationConfig(global_config=how)
        made = cto.linear_quantize_weights(made, config=config)
    _describe(made, request)
    target = Path(request["target"])
    made.save(str(target))
    _settle(target)
    spec, operations = read_program(target)
    progress("convert", 1, 1)
    return {
        "specification": spec.specificationVersion,
        "operators": dict(sorted(Counter(op.op_type for op in operations).items())),
        "weights": compared(program, operations),
    }


def _converted(program: Any, request: Mapping[str, Any]) -> Any:
    image = ct.ImageType(
        name="image",
        shape=tuple(request["shape"]),
        scale=1 / request["std"],
        bias=[-request["mean"] / request["std"]] * 3,
        color_layout=ct.colorlayout.RGB,
    )
    with torch.no_grad():
        example = torch.zeros(request["shape"])
        traced = torch.jit.trace(program.module(), example)  # type: ignore[no-untyped-call]
    return ct.convert(
        traced,
        inputs=[image],
        outputs=[ct.TensorType(name="logits", dtype=np.float32)],
        convert_to="mlprogram",
        minimum_deployment_target=TARGETS[request["minimum"]],
        compute_precision=ct.precision.FLOAT16,
        skip_model_load=True,
    )


def _describe(made: Any, request: Mapping[str, Any]) -> None:
    """What Xcode shows."""
    said = request["said"]
    made.short_description, made.author = said["title"], said["author"]
    made.license, made.version = said["licence"], said["version"]


def _settle(package: Path) -> None:
    """Give the package the same bytes each time: drawn names, and the order of maps."""
    file = package / MANIFEST
    manifest = json.loads(file.read_text(encoding="utf-8"))
    entries, named = manifest["itemInfoEntries"], dict[str, str]()
    for old, entry in entries.items():
        named[old] = str(uuid.uuid5(uuid.NAMESPACE_URL, entry["path"])).upper()
    manifest["itemInfoEntries"] = {named[old]: one for old, one in entries.items()}
    manifest["rootModelIdentifier"] = named[manifest["rootModelIdentifier"]]
    text = json.dumps(manifest, indent=4, sort_keys=True)
    file.write_text(f"{text}\n", encoding="utf-8")
    spec = ct.utils.load_spec(str(package))
    (package / PROGRAM).write_bytes(spec.SerializeToString(deterministic=True))
