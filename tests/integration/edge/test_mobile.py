"""Real environments: ExecuTorch, Core ML's converter and TFLite metadata, on small networks.

They are kept below HEADWATER_HOME/envs and fetched once (2.4 GB).
"""

import json
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from configs.edge_steps import LitertCheckStep
from configs.environment import load_environment
from configs.steps import AnyStep
from models.litert import toolings as litert
from models.litert.described import describe
from models.litert.reading import read_file
from models.mobile.checks import Checks
from models.mobile.toolings import oldest_runtime
from models.recipes.bench import Rooms
from models.recipes.pieces import PACKAGE, Piece
from models.steps import coreml_export, executorch_export
from models.training import weights
from tests.tiny_bench import TinyBench
from tests.tiny_lite import tiny_int8

RUNS: dict[str, Any] = {
    "executorch-export": executorch_export.run,
    "coreml-export": coreml_export.run,
}
SCHEMES = [
    ("executorch-export", "float32"),
    ("executorch-export", "int8"),
    ("coreml-export", "float16"),
    ("coreml-export", "int8"),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A bench whose home has the environments of this installation."""
    folder = tmp_path_factory.mktemp("mobile")
    kept = load_environment().home / "envs"
    kept.mkdir(parents=True, exist_ok=True)
    (folder / "envs").symlink_to(kept)
    return TinyBench(folder)


@pytest.fixture(scope="module")
def made(tiny):
    """Makes each file once: (word, scheme) → its piece."""
    return cache(partial(make, tiny, network(tiny)))


def make(tiny, source, word, scheme):
    alone = {"threads": (1,)} if word == "executorch-export" else {}
    said = {"step": word, "scheme": scheme, "photos": 24, "min_agreement": 0.0, **alone}
    step: Any = TypeAdapter(AnyStep).validate_python(said)
    piece = Piece(tiny.empty("made"))
    RUNS[word](step, source, piece.folder, bench(tiny, step))
    return piece


def network(tiny):
    """A small residual network: a stem, then a unit with a way around it."""
    options = {"stem": 4, "stages": "8:8:2", "classes": 4, "channels": 3}
    piece = Piece(tiny.empty("torch"))
    made = weights.fresh("tiny", "residual", options, 3)
    weights.save(_with_loud_logits(made), piece.folder)
    return piece


def _with_loud_logits(untrained):
    """The last layer times 40, for logits of a trained network's size."""
    last = list(untrained.module.parameters())[-2:]
    assert [one.ndim for one in last] == [2, 1]
    with torch.no_grad():
        for one in last:
            one.mul_(40)
    return untrained


def bench(tiny, step):
    found = tiny.bench(step.model_dump(mode="json"))
    logits = tiny.folder / "workshop" / "logits"
    found.rooms = Rooms(found.scratch, found.checkpoints, logits)
    return found


def checks(piece):
    return Checks.model_validate_json((piece.folder / "checks.json").read_bytes())


def span(piece):
    """By how much a logit changes from image to image; of a constant answer 0."""
    with np.load(piece.folder / "golden.npz", allow_pickle=False) as golden:
        return float(np.ptp(golden["output"], axis=0).max())


@pytest.mark.parametrize(("word", "scheme"), SCHEMES)
def test_file_answers_as_the_network_that_it_is_made_of(made, word, scheme):
    piece = made(word, scheme)

    said = checks(piece).source
    share = {"float32": 1e-5, "float16": 0.01, "int8": 0.2}[scheme]
    assert said.photos == 24
    assert span(piece) > 0.5
    assert said.largest_difference <= share * span(piece)


@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_xnnpack_takes_every_operator_of_a_pte(made, scheme):
    piece = made("executorch-export", scheme)

    left = [one for one in checks(piece).operators if one.delegated != one.count]
    assert left == []


@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_oldest_executorch_gives_the_same_answers(made, scheme):
    piece = made("executorch-export", scheme)

    told = checks(piece).oldest
    assert told is not None
    assert (told.runtime, told.refusal) == (oldest_runtime("executorch"), "")
    assert (told.photos, told.agreement) == (24, 1.0)
    assert told.largest_difference is not None
    assert told.largest_difference <= 1e-4 * span(piece)


def test_nothing_is_rounded_between_a_sum_and_its_relu6(made):
    piece = made("executorch-export", "int8")

    counted = {one.operator: one.count for one in checks(piece).operators}
    assert "hardtanh" not in counted
    assert counted["relu"] == 4  # all of them behind a convolution or a sum


def test_package_is_of_the_specification_that_the_step_asked_for(made):
    piece = made("coreml-export", "float16")

    manifest = json.loads((piece.folder / PACKAGE / "Manifest.json").read_text())
    entries = manifest["itemInfoEntries"].values()
    assert checks(piece).specification == 8
    assert sorted(one["name"] for one in entries) == ["model.mlmodel", "weights"]


@pytest.mark.parametrize(("scheme", "share"), [("float16", 1e-3), ("int8", 1 / 127)])
def test_weights_of_a_package_are_those_of_the_network(made, scheme, share):
    piece = made("coreml-export", scheme)

    told = checks(piece).weights
    assert told is not None
    assert told.sums == 5  # four convolutions and a full layer
    assert told.largest_share <= share


@pytest.mark.parametrize("word", RUNS)
def test_making_twice_gives_the_same_bytes(tiny, made, word):
    piece, again = made(word, "int8"), make(tiny, network(tiny), word, "int8")

    held = [
        {str(file.relative_to(one.folder)): file.read_bytes() for file in one.files()}
        for one in (piece, again)
    ]
    assert held[0].keys() == held[1].keys()
    assert [name for name in held[0] if held[0][name] != held[1][name]] == []


def test_public_schema_reads_what_the_file_says_of_itself(tiny):
    (tiny.catalogue.root / "labels.txt").write_text("red\ngreen\nblue\ngrey\n")
    found = bench(tiny, LitertCheckStep(step="litert-check"))
    found.spec = found.spec.model_copy(update={"labels": "labels.txt"})
    piece = Piece(tiny.empty("described"))
    piece.litert.write_bytes(tiny_int8())

    told = describe(piece, read_file(piece.litert), found, litert.environment)

    said = json.loads((piece.folder / "metadata.json").read_text())
    (graph,) = said["subgraphMetadata"]
    (image,), (logits,) = graph["inputTensorMetadata"], graph["outputTensorMetadata"]
    assert told["files"] == ["labels.txt"]
    assert image["processUnits"][0]["options"] == {"mean": [127.0], "std": [128.0]}
    assert logits["associatedFiles"][0]["name"] == "labels.txt"
    assert said["license"] == "Apache-2.0"
