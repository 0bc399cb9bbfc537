"""TFLite metadata: put into a file, found again, and never in the way of an answer."""

import json

import numpy as np
import pytest

from configs.edge_steps import LitertCheckStep
from models.errors import BuildFailed
from models.litert.metadata import attached
from models.litert.reading import read
from models.litert.workers.running import answered, opened
from models.recipes.pieces import Piece
from models.steps import litert_check
from tests.fakes_litert import FakeTools, carried, packed
from tests.tiny_bench import TinyBench
from tests.tiny_lite import put, rows, tiny_float, tiny_int8

SAID = json.dumps({"title": "Tiny"}).encode()
LABELS = {"labels.txt": b"one\ntwo\n"}


@pytest.fixture
def tiny(tmp_path):
    return TinyBench(tmp_path)


def checked(tiny, tools, **spec):
    step = LitertCheckStep(step="litert-check", photos=8, threads=(1, 2))
    bench = tiny.bench(step.model_dump(mode="json"))
    bench.spec = bench.spec.model_copy(update=spec)
    source, target = Piece(tiny.empty("source")), tiny.empty("target")
    source.litert.write_bytes(tiny_int8())
    return litert_check.run(step, source, target, bench, tools), Piece(target)


def answers(file):
    return answered(opened(str(file)), rows(), lambda *_: None)


@pytest.mark.parametrize("content", [tiny_int8(), tiny_float()], ids=["int8", "float"])
def test_metadata_and_labels_change_no_answer(tmp_path, content):
    plain = put(tmp_path, content)
    with_it = put(tmp_path, attached(content, SAID, LABELS), "with.tflite")

    np.testing.assert_array_equal(answers(with_it), answers(plain))


def test_file_brings_its_metadata_and_its_labels(tmp_path):
    file = put(tmp_path, attached(tiny_int8(), SAID, LABELS))

    assert carried(file) == {"title": "Tiny"}
    assert packed(file) == {"labels.txt": "one\ntwo\n"}


def test_model_without_labels_has_nothing_behind_it(tmp_path):
    assert packed(put(tmp_path, attached(tiny_int8(), SAID, {}))) == {}


def test_new_metadata_takes_the_place_of_the_old(tmp_path):
    once = attached(tiny_int8(), b"[]", {})

    assert carried(put(tmp_path, attached(once, SAID, {}))) == {"title": "Tiny"}


def test_same_metadata_gives_the_same_bytes():
    assert attached(tiny_int8(), SAID, LABELS) == attached(tiny_int8(), SAID, LABELS)


def test_operators_and_versions_stay_as_they_were():
    before, after = read(tiny_int8()), read(attached(tiny_int8(), SAID, LABELS))

    assert after.versions() == before.versions()
    assert after.metadata == ("TFLITE_METADATA",)


def test_check_says_what_the_input_is_and_how_it_is_normalised(tiny):
    facts, piece = checked(tiny, FakeTools())

    said = json.loads((piece.folder / "metadata.json").read_text())
    assert said["input"] == {
        "name": "image", "description": said["input"]["description"], "is_image": True,
        "size": [8, 8], "channels": 3, "mean": 127.0, "std": 128.0,
        "low": -128.0, "high": 127.0,
    }  # fmt: skip
    assert said["licence"] == "Apache-2.0"
    assert facts["metadata"]["files"] == []


def test_check_packs_the_labels_of_the_model(tiny):
    (tiny.catalogue.root / "labels.txt").write_text("red\nblue\n")

    facts, piece = checked(tiny, FakeTools(), labels="labels.txt")

    said = json.loads((piece.folder / "metadata.json").read_text())
    assert facts["metadata"]["files"] == ["labels.txt"]
    assert said["output"]["labels"] == "labels.txt"


def test_file_with_metadata_is_run_by_the_oldest_runtime_too(tiny):
    tools = FakeTools()

    checked(tiny, tools)

    ran = {
        name
        for name, worker, request in tools.asked
        if worker == "running" and str(request["model"]).endswith("described.tflite")
    }
    assert ran == {"litert", "litert-oldest"}


def test_runtime_that_metadata_disturbs_is_named(tiny):
    with pytest.raises(BuildFailed, match=r"must change no answer.*tflite-runtime"):
        checked(tiny, Disturbed())


class Disturbed(FakeTools):
    """The oldest runtime answers otherwise when a file carries metadata."""

    def running(self, tooling, request):
        told = super().running(tooling, request)
        described = str(request["model"]).endswith("described.tflite")
        if described and tooling.name == "litert-oldest":
            np.save(request["out"], np.load(request["out"])[:, ::-1])
        return told
