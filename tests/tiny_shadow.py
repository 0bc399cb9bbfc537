"""The tiny classifier as files for LiteRT, and a pipeline that has them as shadows."""

from pathlib import Path

import numpy as np
import yaml

from configs.catalogue import load_catalogue
from models.store import Store
from tests.tiny_lite import LiteFile, put
from tests.tiny_models import CLASSES, FEATURES, tiny_logits

PIPELINE, MODEL = "tiny-shadowed", "tiny-a"
FAITHFUL, OTHER = "faithful-litert", "other-litert"
WEIGHTS_OF = {FAITHFUL: "tiny-a", OTHER: "tiny-b"}
"""Variant of tiny-a → whose weights its file has."""


def dense_litert(model: str) -> bytes:
    """4 features → 3 logits, with the weights of a tiny classifier."""
    offset = tiny_logits(model, np.zeros((1, FEATURES), np.float32))[0]
    matrix = tiny_logits(model, np.eye(FEATURES, dtype=np.float32)) - offset
    file = LiteFile()
    features = file.tensor((1, FEATURES), "FLOAT32")
    weights = np.ascontiguousarray(matrix.T, np.float32)
    kernel = file.tensor(weights.shape, "FLOAT32", weights)
    bias = file.tensor((CLASSES,), "FLOAT32", offset.astype(np.float32))
    logits = file.tensor((1, CLASSES), "FLOAT32")
    file.op("FULLY_CONNECTED", [features, kernel, bias], [logits], 1,
            "FullyConnectedOptions")  # fmt: skip
    return file.content([features], [logits])


def add_shadowed_pipeline(root: Path, **limits: object) -> None:
    """Write pipeline tiny-shadowed into a catalogue that has the tiny models."""
    said = yaml.safe_load((root / "pipelines" / "tiny.yaml").read_text())
    said |= {"id": PIPELINE, "ensemble": {"members": [{"model": MODEL}]}}
    members = [{"model": MODEL, "variant": variant} for variant in WEIGHTS_OF]
    said["shadow"] = {"members": members, "fraction": 1.0, **limits}
    (root / "pipelines" / f"{PIPELINE}.yaml").write_text(yaml.safe_dump(said))


def add_litert_variants(root: Path, store: Store, scratch: Path) -> None:
    """Store both files as variants of tiny-a, whose FP32 is stored already."""
    version = load_catalogue(root).models[MODEL].version
    like = store.card(MODEL, version, "fp32-onnx")
    for variant, weights in WEIGHTS_OF.items():
        fact = store.add_file(put(scratch, dense_litert(weights), f"{variant}.tflite"))
        update = {"variant": variant, "model_file": fact, "form": "litert"}
        store.save_card(like.model_copy(update=update))
