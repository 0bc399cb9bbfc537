"""`headwater edge export` where a class has a bar of its own."""

import json
import shutil

import pytest
import yaml
from typer.testing import CliRunner

from configs.catalogue import packaged_catalogue
from models.card import RecipeFact
from models.errors import NotExported
from models.store import Store
from serve_app.cli import exporting
from serve_app.cli.main import app
from tests.fakes_litert import lite_card
from tests.tiny_lite import put, tiny_float, tiny_int8

INT8, FLOAT = "fashion-student-edge-int8", "fashion-student-edge-float16"
MADE = {INT8: "student-int8-litert", FLOAT: "student-float16-litert"}
CLASSES = ("--class", "mobile", "--class", "linux-arm")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A catalogue that may be changed, and both variants in the store."""
    shutil.copytree(packaged_catalogue(), tmp_path / "catalogue")
    monkeypatch.setenv("HEADWATER_CATALOGUE", str(tmp_path / "catalogue"))
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(exporting, "optimize", lambda *order: None)
    store = Store(tmp_path / "home" / "store")
    for recipe, content in ((INT8, tiny_int8()), (FLOAT, tiny_float())):
        fact = store.add_file(put(tmp_path, content))
        made = RecipeFact(id=recipe, sha256="0" * 64, seed=0, source_key="0" * 64)
        said = {"model": "fashion-mnist", "model_file": fact, "recipe": made}
        store.save_card(lite_card(MADE[recipe]).model_copy(update=said))
    return tmp_path


def want(home, recipe, **bars):
    file = home / "catalogue" / "recipes" / "edge" / f"{recipe}.yaml"
    said = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**said, "bars": bars}))


def export(*arguments):
    return CliRunner().invoke(app, ["edge", "export", INT8, FLOAT, *arguments])


def got(home, device):
    folder = home / "home" / "edge" / "fashion-mnist" / device
    card = json.loads((folder / "card.json").read_text())
    return card["variant"], folder


def test_each_class_gets_what_clears_its_own_bar(home):
    export(*CLASSES)
    mobile, linux = (got(home, device)[0] for device in ("mobile", "linux-arm"))
    maker, other = (INT8, FLOAT) if mobile == MADE[INT8] else (FLOAT, INT8)
    want(home, maker, mobile={"max_size_bytes": 10})

    result = export(*CLASSES)

    assert result.exit_code == 0
    assert got(home, "mobile")[0] == MADE[other]
    assert got(home, "linux-arm")[0] == linux


def test_report_and_readiness_say_whose_bar_it_was(home):
    want(home, INT8, mobile={"min_top1": 0.5})
    want(home, FLOAT, mobile={"max_size_bytes": 10})

    export(*CLASSES)

    _, folder = got(home, "mobile")
    bar = json.loads((folder / "readiness.json").read_text())["bar"]
    assert bar["recipe"] == INT8
    (finding,) = bar["of_the_class"]
    assert (finding[0], finding[2]) == ("top-1 of 50.0% on digits", "clears")
    assert f"that of recipe {INT8} |" in (folder / "report.md").read_text()


def test_class_that_nothing_is_good_enough_for_has_no_files_and_the_others_have(home):
    want(home, INT8, mobile={"max_size_bytes": 10})
    want(home, FLOAT, mobile={"min_top1": 1.0})

    result = export(*CLASSES)

    assert isinstance(result.exception, NotExported)
    assert "at most 10 bytes" in str(result.exception)
    assert "top-1 of 100.0% on digits" in str(result.exception)
    assert not (home / "home" / "edge" / "fashion-mnist" / "mobile").exists()
    assert got(home, "linux-arm")
