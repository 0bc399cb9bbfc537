"""Evidence of one small file: asked of real runtimes, written beside it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from configs.steps import ReferenceSpec
from edge.evidence.facts import LayerFact
from edge.evidence.gathering import gather
from edge.evidence.variants import fronts
from edge.evidence.writing import Beside, add
from edge.exporting.choice import Candidate
from edge.exporting.forms import EVIDENCE
from edge.readiness.classes import readiness
from models.litert.reading import read
from models.recipes.bench import Teacher
from models.recipes.inspected import Inspected
from models.recipes.pieces import Piece
from models.store import Store
from tests.fakes_litert import FakeTools, lite_card
from tests.tiny_bench import TinyBench
from tests.tiny_lite import tiny_float, tiny_int8

MOBILE = load_devices(packaged_catalogue())["mobile"]
LABELS = ["red", "green", "blue", "grey"]
LAYERS = [{"layer": "0 CONV_2D", "snr_db": 20.5}, {"layer": "1 MEAN", "snr_db": 30.0}]


@pytest.fixture
def tiny(tmp_path):
    return TinyBench(tmp_path)


@pytest.fixture
def inspected(tiny):
    """An INT8 file of quite another network than its reference: they differ often."""
    bench = tiny.bench({"step": "litert-check"})
    piece = Piece(tiny.empty("piece"))
    piece.litert.write_bytes(tiny_int8())
    quantized = Piece(tiny.empty("before"), facts={"sensitivity": LAYERS})
    return Inspected(bench, (quantized, piece), (Teacher(tiny.source, bench.spec),))


@pytest.fixture
def found(inspected):
    return gather(inspected, None, LABELS, FakeTools())


def test_file_is_held_against_its_reference_on_every_photo(found, inspected):
    evidence = found.evidence

    (fact,) = evidence.agreements
    confusion = {one.name: np.array(one.counts) for one in evidence.confusion}
    assert (evidence.dataset, evidence.rows, fact.against) == (
        "colours", 24, "eye-a in float",
    )  # fmt: skip
    assert fact.differing == 24 - round(24 * fact.agreement.value)
    assert len(found.differing) == fact.differing
    assert set(confusion) == {"eye-a in float", "this file"}
    assert all(table.sum() == 24 for table in confusion.values())
    # The photos are labelled by what the reference sees, so it is right on all of them.
    assert np.trace(confusion["eye-a in float"]) == 24


def test_file_of_another_network_is_not_explained(found):
    (line,) = found.evidence.unexplained

    assert line.startswith("Not explained: it has the answer of eye-a in float on ")
    assert line in found.evidence.explanation


def test_layers_are_those_that_the_quantizing_step_measured(found):
    assert found.evidence.layers == tuple(LayerFact(**one) for one in LAYERS)


def test_difference_is_explained(found):
    told = found.evidence.explanation

    assert any("have the answer of eye-a in float" in line for line in told)
    assert any("0 CONV_2D (20.5 dB)" in line for line in told)


def test_served_variant_is_asked_too(inspected, tiny):
    store = Store(tiny.folder / "store")
    fact = store.add_file(tiny.folder / "eye-b.onnx")
    served = lite_card("int8-onnx").model_copy(
        update={"model": "eye-a", "model_file": fact, "form": "onnx"}
    )

    found = gather(inspected, (store, served), LABELS, FakeTools())

    assert found is not None
    assert [one.against for one in found.evidence.agreements] == [
        "eye-a in float", "eye-a int8-onnx",
    ]  # fmt: skip
    assert found.evidence.served is not None
    assert found.evidence.served.n == 24
    said = "eye-a int8-onnx, which is served, has itself the answer of eye-a in float"
    assert any(line.startswith(said) for line in found.evidence.explanation)


def test_student_is_held_against_itself_in_float_as_well(inspected, tiny):
    bar = inspected.bench.bar.model_copy(
        update={"against": ReferenceSpec(recipe="teacher")}
    )
    inspected.bench.recipe = inspected.bench.recipe.model_copy(update={"bar": bar})
    converted = Piece(tiny.empty("float"))
    converted.litert.write_bytes(tiny_float())
    pieces = (converted, *inspected.pieces)

    found = gather(replace(inspected, pieces=pieces), None, LABELS, FakeTools())

    assert found is not None
    assert [(one.against, one.expected) for one in found.evidence.agreements] == [
        ("teacher", False), ("itself in float", True),
    ]  # fmt: skip
    assert not any("teacher" in line for line in found.evidence.explanation)


def test_student_need_not_answer_as_what_is_served(inspected, tiny):
    bar = inspected.bench.bar.model_copy(
        update={"against": ReferenceSpec(recipe="teacher")}
    )
    inspected.bench.recipe = inspected.bench.recipe.model_copy(update={"bar": bar})
    store = Store(tiny.folder / "store")
    fact = store.add_file(tiny.folder / "eye-b.onnx")
    served = lite_card("int8-onnx").model_copy(
        update={"model": "eye-a", "model_file": fact, "form": "onnx"}
    )

    found = gather(inspected, (store, served), LABELS, FakeTools())

    assert found is not None
    assert [one.expected for one in found.evidence.agreements] == [False, False]
    assert found.evidence.unexplained == ()


def test_recipe_that_names_no_photos_has_no_evidence(inspected):
    data = inspected.bench.recipe.data.model_copy(update={"evaluation": ()})
    recipe = inspected.bench.recipe.model_copy(update={"data": data})
    inspected.bench.recipe = recipe

    assert gather(inspected, None, LABELS, FakeTools()) is None


def test_many_classes_make_no_confusion(inspected):
    found = gather(inspected, None, [str(n) for n in range(1000)], FakeTools())

    assert found is not None
    assert found.evidence.confusion == ()


def written(found, folder):
    folder.mkdir()
    held = readiness(read(tiny_int8()), MOBILE, 4000)
    chosen = Candidate(lite_card("int8"), held)
    other = Candidate(lite_card("other", right=70), held)
    shown = fronts({"mobile": [chosen, other]})
    add(folder, chosen, MOBILE, Beside(found, shown, {"mobile": "int8"}))
    return folder


def test_page_shows_all_of_it_with_pictures(found, tmp_path):
    folder = written(found, tmp_path / "out")

    page = (folder / "report.md").read_text()
    assert "**ready**" in page
    for name in ("variants", "margins", "layers", "confusion"):
        assert f"({name}.png)" in page
        assert (folder / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    assert "| mobile | int8 | 90.00 |" in page
    assert "chosen, nothing beats it" in page
    assert "close calls of eye-a in float" in page
    assert "| 0 CONV_2D | 20.5 |" in page
    assert "<table>" in (folder / "report.html").read_text()


def test_numbers_are_there_for_tools(found, tmp_path):
    folder = written(found, tmp_path / "out")

    told = json.loads((folder / "evidence.json").read_text())
    assert told["rows"] == 24
    assert told["agreements"][0]["differing"] == found.evidence.agreements[0].differing
    assert told["confusion"][1]["counts"] == [
        list(row) for row in found.evidence.confusion[1].counts
    ]


def test_writing_twice_gives_the_same_bytes(found, tmp_path):
    one, two = (written(found, tmp_path / name) for name in ("one", "two"))

    assert {f.name: f.read_bytes() for f in one.iterdir()} == {
        f.name: f.read_bytes() for f in two.iterdir()
    }


def test_evidence_of_an_earlier_file_does_not_stay(found, tmp_path):
    folder = written(found, tmp_path / "out")
    held = readiness(read(tiny_int8()), MOBILE, 4000)

    add(folder, Candidate(lite_card("other"), held), MOBILE, Beside(None, {}, {}))

    assert [file.name for file in folder.iterdir() if file.name in EVIDENCE] == []


def test_variant_of_another_machine_has_a_page_all_the_same(tmp_path):
    folder = written(None, tmp_path / "out")

    assert "**ready**" in (folder / "report.md").read_text()
    assert not (folder / "evidence.json").exists()
