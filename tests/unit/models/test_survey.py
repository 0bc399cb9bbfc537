"""Everything in a store, judged on labelled photos, and the tables of it."""

from pathlib import Path

import pytest

from configs.catalogue import load_catalogue
from models.build import build
from models.datasets import open_folder
from models.report import BEGIN, END, into_page, markdown
from models.store import Store
from models.survey import Survey, survey
from models.workshop import Workshop
from tests.tiny_vision import make_tiny_vision


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder = tmp_path_factory.mktemp("survey")
    root = make_tiny_vision(folder)
    made = Workshop(load_catalogue(root), Store(folder / "store"), folder / "cache")
    assert len(list(build(made))) == 5
    return made


@pytest.fixture
def found(workshop: Workshop) -> Survey:
    return survey(workshop, open_folder(workshop.cache.parent / "colours"))


def test_every_variant_is_judged_and_int8_against_its_own_fp32(found):
    rows = {(row.card.model, row.card.variant): row.quality for row in found.variants}

    assert len(rows) == 4
    assert rows["eye-a", "fp32-onnx"].top1.value == 1.0
    assert rows["eye-a", "fp32-onnx"].agreement is None
    agreement = rows["eye-b", "int8-onnx"].agreement
    assert agreement is not None
    assert agreement.value > 0.8


def test_survey_says_what_the_cards_say_of_the_same_photos(found):
    for row in found.variants:
        assert row.quality.top1 == row.card.quality[0].top1, row.card.variant


def test_ensemble_stands_beside_its_best_member(found):
    (ensemble,) = found.ensembles

    # eye-a made the labels, so it cannot be beaten here.
    assert ensemble.best_member == "eye-a"
    assert ensemble.gain_points.value <= 0
    assert sum(ensemble.weights) == pytest.approx(1)


def test_pipeline_whose_members_are_not_built_is_left_out(workshop, tmp_path):
    empty = Workshop(workshop.catalogue, Store(tmp_path / "store"), tmp_path)

    found = survey(empty, open_folder(workshop.cache.parent / "colours"))

    assert (found.variants, found.ensembles) == ((), ())


def test_tables_hold_every_row_and_the_circumstances(found):
    tables = markdown([found], {"commit": "abc123"})

    assert "Measured with commit: abc123." in tables
    assert "### On colours, 24 photos" in tables
    assert tables.count("| eye-a | int8-onnx |") == 2, "quality and cost"
    assert "| eye-a | fp32-onnx | 100.00 (86.2 to 100.0) |" in tables
    assert "| eyes |" in tables


def test_tables_replace_what_is_between_the_marks():
    page = f"# Title\n\n{BEGIN}\nold\n{END}\nmore\n"

    assert into_page(page, "new\n") == f"# Title\n\n{BEGIN}\nnew\n{END}\nmore\n"


@pytest.mark.parametrize("page", ["", "# Title\n", f"# Title\n{BEGIN}\n"])
def test_page_without_both_marks_gets_the_tables_at_its_end(page):
    written = into_page(page, "new\n")

    assert written.startswith(page.rstrip())
    assert written.endswith(f"{BEGIN}\nnew\n{END}\n")


def test_writing_the_tables_twice_changes_nothing(found: Survey):
    once = into_page("# Title\n", markdown([found], {}))

    assert into_page(once, markdown([found], {})) == once


def test_two_datasets_make_two_sections(found: Survey, tmp_path: Path):
    tables = markdown([found, found], {})

    assert tables.count("### On colours") == 2
    assert tables.count("### Size and time alone") == 1
