"""A catalogue of tiny image classifiers, to build INT8 and ensembles in milliseconds.

Photos of one colour each are labelled by what the first model sees in them, so its FP32
variant is right on all of them.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import yaml
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from configs.model import ImageSpec
from models.imaging import crop, normalise
from models.store import digest

Floats = NDArray[np.float32]

SIDE, CHANNELS, CLASSES, PHOTOS = 8, 8, 4, 24
SEEDS = {"eye-a": 5, "eye-b": 6}
IMAGE = ImageSpec(size_px=SIDE)


def make_tiny_vision(folder: Path) -> Path:
    """Write models eye-a and eye-b, dataset colours and pipeline eyes; return the root."""
    root = folder / "catalogue"
    for name in ("models", "pipelines", "datasets"):
        (root / name).mkdir(parents=True)
    for model, seed in SEEDS.items():
        weights = write_tiny_convolution(folder / f"{model}.onnx", seed)
        _dump(root / "models" / f"{model}.yaml", _model(model, weights))
    write_photos(folder / "colours", folder / "eye-a.onnx")
    _dump(root / "datasets" / "colours.yaml", _dataset(folder / "colours"))
    _dump(root / "pipelines" / "eyes.yaml", _pipeline())
    return root


def write_tiny_convolution(file: Path, seed: int) -> Path:
    """Conv, depthwise Conv and Gemm: 3 x 8 x 8 pixels → 4 logits, any batch size."""
    draw = np.random.default_rng(seed)
    shapes = {
        "full": (CHANNELS, 3, 3, 3), "full_bias": (CHANNELS,),
        "deep": (CHANNELS, 1, 3, 3), "deep_bias": (CHANNELS,),
        "last": (CLASSES, CHANNELS), "last_bias": (CLASSES,),
    }  # fmt: skip
    held = {name: draw.normal(size=shape) for name, shape in shapes.items()}
    held["last_bias"] = held["last_bias"] * 0.1
    graph = helper.make_graph(
        _nodes(),
        "tiny-vision",
        [_tensor("input", 3, SIDE, SIDE)],
        [_tensor("logits", CLASSES)],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in held.items()],
    )
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), file)
    return file


def write_photos(folder: Path, model: Path) -> None:
    """Photos of one colour each and labels.csv with what `model` sees in them."""
    folder.mkdir()
    draw = np.random.default_rng(9)
    colours = draw.integers(0, 256, (PHOTOS, 3), dtype=np.uint8)
    photos = [
        Image.fromarray(np.broadcast_to(one, (12, 16, 3)).copy()) for one in colours
    ]
    session = onnxruntime.InferenceSession(str(model))
    rows = normalise(np.stack([crop(photo, IMAGE) for photo in photos]), IMAGE)
    seen = session.run(None, {"input": rows})[0].argmax(axis=1)
    lines = ["file,class_index"]
    for n, (photo, label) in enumerate(zip(photos, seen, strict=True)):
        photo.save(folder / f"{n:02}.png")
        lines.append(f"{n:02}.png,{label}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def _nodes() -> list[onnx.NodeProto]:
    node = helper.make_node
    full = node("Conv", ["input", "full", "full_bias"], ["a"], "c1", pads=[1] * 4)
    deep = node(
        "Conv", ["b", "deep", "deep_bias"], ["c"], "c2", group=CHANNELS, pads=[1] * 4
    )
    return [
        full,
        node("Relu", ["a"], ["b"], "r1"),
        deep,
        node("Relu", ["c"], ["d"], "r2"),
        node("GlobalAveragePool", ["d"], ["e"], "p"),
        node("Flatten", ["e"], ["f"], "f"),
        node("Gemm", ["f", "last", "last_bias"], ["logits"], "g", transB=1),
    ]


def _tensor(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])


def _model(model: str, weights: Path) -> dict[str, object]:
    return {
        "id": model,
        "title": f"Test eye {model}",
        "licence": "Apache-2.0",
        "weights": {"uri": weights.resolve().as_uri(), "sha256": digest(weights)},
        "architecture": "onnx",
        "inputs": [{"name": "input", "datatype": "FP32", "shape": [3, SIDE, SIDE]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [CLASSES]}],
        "image": {"size_px": SIDE},
        "calibration": {"dataset": "colours"},
        "evaluation": ["colours"],
        "variant": "int8-onnx",
    }


def _dataset(folder: Path) -> dict[str, object]:
    source = f"file://{folder.resolve()}"
    return {"id": "colours", "title": "Colours", "licence": "none", "source": source}


def _pipeline() -> dict[str, object]:
    return {
        "id": "eyes",
        "title": "Test eyes",
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": []}],
        "preprocess": {"kind": "image"},
        "ensemble": {
            "members": [{"model": model} for model in SEEDS],
            "weights": "fitted",
            "fit_on": "colours",
        },
        "postprocess": {"kind": "top_k", "k": 2},
    }


def _dump(file: Path, content: object) -> None:
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def write_recipe(root: Path, recipe: str, *steps: object, **changes: object) -> None:
    """A recipe of eye-a's FP32, judged on the colours; a word is a step without keys."""
    (root / "recipes").mkdir(exist_ok=True)
    said = {
        "id": recipe,
        "title": "A test",
        "model": "eye-a",
        "variant": recipe,
        "source": {"model": "eye-a"},
        "data": {"calibration": "colours", "evaluation": ["colours"]},
        "steps": [{"step": s} if isinstance(s, str) else s for s in steps],
    }
    _dump(root / "recipes" / f"{recipe}.yaml", {**said, **changes})
