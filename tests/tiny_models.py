"""A second catalogue, of two tiny classifiers, so that nothing is hard-wired to vision.

`make_tiny_catalogue` writes it, `build_tiny_store` builds it; both take milliseconds.
`add_slow_pipeline` adds a model that computes for as long as its input says,
`add_endless_model` one whose load does not end.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import yaml
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from configs.catalogue import load_catalogue
from models.build import build
from models.store import Store, digest
from models.workshop import Workshop

Floats = NDArray[np.float32]

FEATURES, CLASSES = 4, 3
LABELS = ("low", "middle", "high")
SEEDS = {"tiny-a": 1, "tiny-b": 2}

SLOW = "tiny-slow"
ROUNDS = {"name": "rounds", "datatype": "INT64", "shape": [1]}
SLOW_QUEUE = 16
SLOW_SIDE = 1024
"""A round of the slow model multiplies two matrices of this side: 2.1 GFLOP."""

ENDLESS = 10**6
"""Rounds that no machine computes while a test runs: hours of a core."""

ENDLESS_ROWS = 4
"""So many rows of the endless model never end; it is warmed up at so many."""


def tiny_logits(model: str, features: Floats) -> Floats:
    """What `model` must answer for `features` [rows, 4]: logits [rows, 3]."""
    weight, bias = _parameters(SEEDS[model])
    return features @ weight + bias


def make_tiny_catalogue(folder: Path) -> Path:
    """Write models tiny-a and tiny-b and pipeline tiny; return the catalogue's root."""
    root = folder / "catalogue"
    for name in ("models", "pipelines", "datasets", "labels"):
        (root / name).mkdir(parents=True)
    (root / "labels" / "tiny.txt").write_text("\n".join(LABELS) + "\n")
    for model, seed in SEEDS.items():
        weights = write_tiny_onnx(folder / f"{model}.onnx", seed)
        _dump(root / "models" / f"{model}.yaml", _model(model, weights))
    _dump(root / "pipelines" / "tiny.yaml", _pipeline("tiny", "fused"))
    return root


def add_mapped_pipeline(root: Path) -> None:
    """Write pipeline tiny-mapped, whose layout is a mapping, into a tiny catalogue."""
    layout = {"left": ["model:tiny-a"], "right": ["model:tiny-b", "postprocess"]}
    _dump(root / "pipelines" / "tiny-mapped.yaml", _pipeline("tiny-mapped", layout))


def add_slow_pipeline(root: Path) -> None:
    """Write model tiny-slow and pipeline slow into a tiny catalogue.

    One row a batch and `SLOW_QUEUE` rows waiting; a row of n takes n rounds, each of
    10 to 50 ms of one core.
    """
    add_slow_model(root, SLOW)
    slow = _pipeline("slow", "fused") | {"inputs": [ROUNDS], "max_rows": 1}
    _dump(
        root / "pipelines" / "slow.yaml",
        slow | {"ensemble": {"members": [{"model": SLOW}], "weights": "uniform"}},
    )


def add_slow_model(root: Path, name: str) -> None:
    """Write a slow model alone; the files of two names differ, their rounds do not."""
    trips = helper.make_node("ReduceMax", ["rounds"], ["trips"], keepdims=0)
    weights = write_slow_onnx(root.parent / f"{name}.onnx", [trips])
    batching = {"max_batch_size": 1, "max_queue_size": SLOW_QUEUE}
    _add_of_rounds(root, name, weights, batching)


def add_endless_model(root: Path, name: str) -> None:
    """Write a model that answers a row at once and whose warm-up does not end."""
    trips = [
        helper.make_node("Shape", ["rounds"], ["shape"], end=1),
        helper.make_node("ReduceMax", ["shape"], ["rows"], keepdims=0),
        helper.make_node("Div", ["rows", "enough"], ["often"]),
        helper.make_node("Mul", ["often", "endless"], ["trips"]),
    ]
    numbers = {"enough": ENDLESS_ROWS, "endless": ENDLESS}
    weights = write_slow_onnx(root.parent / f"{name}.onnx", trips, numbers)
    batching = {"max_batch_size": ENDLESS_ROWS, "preferred_batch_size": ENDLESS_ROWS}
    _add_of_rounds(root, name, weights, batching)


def build_tiny_store(catalogue_root: Path, store_root: Path) -> Store:
    """Build every model of the catalogue into a store at `store_root`."""
    store, cache = Store(store_root), store_root.parent / "cache"
    for _ in build(Workshop(load_catalogue(catalogue_root), store, cache)):
        pass
    return store


def write_tiny_onnx(file: Path, seed: int) -> Path:
    """A linear classifier, 4 features → 3 logits, with a batch dimension of any size."""
    weight, bias = _parameters(seed)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["features", "weight", "bias"], ["logits"])],
        "tiny",
        [_float_tensor("features", FEATURES)],
        [_float_tensor("logits", CLASSES)],
        [
            numpy_helper.from_array(weight, "weight"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), file)
    return file


def write_slow_onnx(
    file: Path, trips: Sequence[NodeProto], numbers: Mapping[str, int] | None = None
) -> Path:
    """Rounds [rows, 1] → logits [rows, 3], computing as many rounds as `trips` says.

    Args:
        file: to be written; its name is part of the graph.
        trips: nodes that make `trips`, a whole number, of `rounds` and `numbers`.
        numbers: constants by name.
    """
    side = [SLOW_SIDE, SLOW_SIDE]
    scalar = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["before", "eye"], ["after"]),
            helper.make_node("Identity", ["going"], ["on"]),
        ],
        "round",
        [
            scalar("at", TensorProto.INT64, []),
            scalar("going", TensorProto.BOOL, []),
            scalar("before", TensorProto.FLOAT, side),
        ],
        [
            scalar("on", TensorProto.BOOL, []),
            scalar("after", TensorProto.FLOAT, side),
        ],
    )
    graph = helper.make_graph(
        [
            *trips,
            helper.make_node("Loop", ["trips", "", "eye"], ["end"], body=body),
            helper.make_node("ReduceMean", ["end"], ["mean"], keepdims=0),
            helper.make_node("Cast", ["rounds"], ["real"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["real", "mean"], ["scaled"]),
            helper.make_node("MatMul", ["scaled", "spread"], ["logits"]),
        ],
        file.stem,
        [scalar("rounds", TensorProto.INT64, ["batch", 1])],
        [_float_tensor("logits", CLASSES)],
        [
            numpy_helper.from_array(np.eye(SLOW_SIDE, dtype=np.float32), "eye"),
            numpy_helper.from_array(np.ones((1, CLASSES), np.float32), "spread"),
            *(
                numpy_helper.from_array(np.array(number, np.int64), name)
                for name, number in (numbers or {}).items()
            ),
        ],
    )
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), file)
    return file


def _parameters(seed: int) -> tuple[Floats, Floats]:
    draw = np.random.default_rng(seed)
    weight = draw.normal(size=(FEATURES, CLASSES)).astype(np.float32)
    return weight, draw.normal(size=CLASSES).astype(np.float32)


def _add_of_rounds(
    root: Path, name: str, weights: Path, batching: Mapping[str, int]
) -> None:
    said = {**_model(name, weights), "inputs": [ROUNDS], "batching": dict(batching)}
    _dump(root / "models" / f"{name}.yaml", said)


def _float_tensor(name: str, width: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])


def _model(model: str, weights: Path) -> dict[str, object]:
    return {
        "id": model,
        "title": f"Test classifier {model}",
        "licence": "Apache-2.0",
        "weights": {"uri": weights.resolve().as_uri(), "sha256": digest(weights)},
        "architecture": "onnx",
        "inputs": [{"name": "features", "datatype": "FP32", "shape": [FEATURES]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [CLASSES]}],
        "labels": "labels/tiny.txt",
        "variant": "fp32-onnx",
        "batching": {"max_batch_size": 8, "max_queue_size": 64},
    }


def _pipeline(name: str, layout: object) -> dict[str, object]:
    return {
        "id": name,
        "title": "Test pipeline",
        "inputs": [{"name": "features", "datatype": "FP32", "shape": [FEATURES]}],
        "preprocess": {"kind": "tensor"},
        "ensemble": {
            "members": [{"model": model} for model in SEEDS],
            "weights": "uniform",
        },
        "postprocess": {"kind": "top_k", "k": 2},
        "max_rows": 8,
        "layout": layout,
    }


def _dump(file: Path, content: object) -> None:
    file.write_text(yaml.safe_dump(content, sort_keys=False))
