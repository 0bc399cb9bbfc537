"""Evidence of files for phones; their environments are played by `FakeMobile`."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from configs.steps import AnyStep, QuantizeStaticStep, ReferenceSpec
from edge.evidence.asking import float_network
from edge.evidence.gathering import gather
from edge.evidence.layers import WITHOUT
from edge.evidence.writing import Beside, add
from edge.exporting.choice import Candidate
from edge.readiness.declared import declared
from models.errors import BuildFailed
from models.recipes.bench import Teacher
from models.recipes.inspected import Inspected
from models.recipes.pieces import Piece
from models.steps import coreml_export, executorch_export, onnx_static, ort_export
from models.store import Store
from models.training import weights
from tests.fakes_litert import lite_card
from tests.fakes_mobile import FakeMobile, checks
from tests.tiny_bench import TinyBench

# ONNX Runtime's converter leaves the file that it made open.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning"
)

RUNS: dict[str, Any] = {
    "executorch": executorch_export.run,
    "coreml": coreml_export.run,
    "ort": ort_export.run,
}
LABELS = ["red", "green", "blue", "grey"]


@pytest.fixture
def tiny(tmp_path):
    return TinyBench(tmp_path)


def network(tiny):
    """A small residual network, untrained: it answers otherwise than eye-a."""
    options = {"stem": 4, "stages": "8:8:1", "classes": 4, "channels": 3}
    piece = Piece(tiny.empty("torch"))
    weights.save(weights.fresh("tiny", "residual", options, 3), piece.folder)
    return piece


def made(tiny, form, source):
    """The piece of a step on `source`, and the bench that made it."""
    step: Any = TypeAdapter(AnyStep).validate_python(
        {"step": f"{form}-export", "photos": 8}
    )
    piece, bench = Piece(tiny.empty("made")), tiny.bench(step.model_dump(mode="json"))
    RUNS[form](step, source, piece.folder, bench, FakeMobile())
    return piece, bench


def rounded(tiny):
    step = QuantizeStaticStep(step="quantize-static")
    piece = Piece(tiny.empty("rounded"))
    onnx_static.run(
        step, tiny.source, piece.folder, tiny.bench(step.model_dump(mode="json"))
    )
    return piece


def inspected(tiny, form):
    """A recipe that ended in a file of `form`; ONNX is rounded on the way."""
    source = tiny.source if form == "ort" else network(tiny)
    before = (rounded(tiny),) if form == "ort" else ()
    piece, bench = made(tiny, form, (source, *before)[-1])
    reference = (Teacher(tiny.source, bench.spec),)
    return Inspected(bench, (*before, piece), reference, source)


def of_a_student(found):
    """The same recipe with a teacher as what its bar is against."""
    bench = found.bench
    bar = bench.bar.model_copy(update={"against": ReferenceSpec(recipe="teacher")})
    bench.recipe = bench.recipe.model_copy(update={"bar": bar})
    return found


@pytest.mark.parametrize("form", RUNS)
def test_file_is_held_against_its_reference_on_every_photo(tiny, form):
    found = gather(inspected(tiny, form), None, LABELS, FakeMobile())

    assert found is not None
    (fact,) = found.evidence.agreements
    assert (fact.against, fact.agreement.n, fact.expected) == (
        "eye-a in float",
        24,
        True,
    )
    assert {one.name for one in found.evidence.confusion} == {
        "eye-a in float",
        "this file",
    }


@pytest.mark.parametrize("form", ["executorch", "coreml"])
def test_file_of_another_network_is_not_explained(tiny, form):
    found = gather(inspected(tiny, form), None, LABELS, FakeMobile())

    assert found is not None
    (line,) = found.evidence.unexplained
    assert line.startswith("Not explained: it has the answer of eye-a in float on ")


@pytest.mark.parametrize("form", RUNS)
def test_student_is_held_against_itself_in_float(tiny, form):
    found = gather(of_a_student(inspected(tiny, form)), None, LABELS, FakeMobile())

    assert found is not None
    teacher, itself = found.evidence.agreements
    assert (teacher.against, teacher.expected) == ("teacher", False)
    assert (itself.against, itself.expected) == ("itself in float", True)
    if form != "ort":  # the fakes answer in float
        assert itself.agreement.value == 1.0


def test_student_that_is_not_itself_is_not_explained(tiny):
    wrong = FakeMobile(lambda answers: answers[:, ::-1])

    found = gather(of_a_student(inspected(tiny, "executorch")), None, LABELS, wrong)

    assert found is not None
    (line,) = found.evidence.unexplained
    assert line.startswith("Not explained: it has the answer of itself in float on ")


def test_served_variant_is_asked_too(tiny):
    store = Store(tiny.folder / "store")
    fact = store.add_file(tiny.folder / "eye-b.onnx")
    said = {"model": "eye-a", "model_file": fact, "form": "onnx"}
    served = lite_card("int8-onnx").model_copy(update=said)

    found = gather(inspected(tiny, "executorch"), (store, served), LABELS, FakeMobile())

    assert found is not None
    assert [one.against for one in found.evidence.agreements] == [
        "eye-a in float", "eye-a int8-onnx",
    ]  # fmt: skip


def test_operators_of_an_ort_file_are_held_against_themselves_in_float(tiny):
    found = gather(inspected(tiny, "ort"), None, LABELS, FakeMobile())

    assert found is not None
    names = [one.layer.partition(" ")[2] for one in found.evidence.layers]
    assert names == ["Relu", "Relu", "GlobalAveragePool", "Flatten", "Gemm"]
    assert all(0 < one.snr_db < 1000 for one in found.evidence.layers)
    assert found.evidence.not_known == ()


def test_ort_file_in_float_has_no_errors_to_show(tiny):
    piece, bench = made(tiny, "ort", tiny.source)
    whole = Inspected(bench, (piece,), (Teacher(tiny.source, bench.spec),), tiny.source)

    found = gather(whole, None, LABELS, FakeMobile())

    assert found is not None
    assert found.evidence.layers == ()
    assert found.evidence.agreements[0].agreement.value == 1.0


@pytest.mark.parametrize("form", WITHOUT)
def test_page_says_what_a_form_does_not_tell(tiny, form, tmp_path):
    found = gather(inspected(tiny, form), None, LABELS, FakeMobile())
    device = load_devices(packaged_catalogue())["ios"]
    chosen = Candidate(lite_card("int8"), declared(checks(), device, 1))
    folder = tmp_path / "out"
    folder.mkdir()

    add(folder, chosen, device, Beside(found, {}, {}))

    page = (folder / "report.md").read_text()
    assert "## Error of each operator" in page
    assert WITHOUT[form] in page


def test_network_in_float_is_the_last_that_was_trained(tiny):
    first, last = network(tiny), network(tiny)
    piece, bench = made(tiny, "executorch", last)

    found = float_network(Inspected(bench, (last, piece), (), first))

    assert found is not None
    crops = bench.materials.crops("colours", bench.spec.front_end, bench.progress)
    assert len(bench.logits_of(found, "colours")) == len(crops)
    assert found.is_onnx


def test_rounded_source_has_no_float_to_be_held_against(tiny):
    before = rounded(tiny)
    piece, bench = made(tiny, "ort", before)

    assert float_network(Inspected(bench, (piece,), (), before)) is None


def test_what_is_no_file_for_devices_has_no_evidence(tiny):
    whole = replace(inspected(tiny, "ort"), pieces=(tiny.source,))

    with pytest.raises(BuildFailed, match="got a piece of form onnx"):
        gather(whole, None, LABELS, FakeMobile())
