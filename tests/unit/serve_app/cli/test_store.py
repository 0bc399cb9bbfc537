"""`headwater models gc | verify | choose`, on models small enough for a unit test."""

import pytest
import yaml
from typer.testing import CliRunner

from configs.catalogue import load_catalogue
from configs.errors import ConfigError
from serve_app.cli.models import app
from tests.stored import a_card, add, grow_old, lost, took
from tests.tiny_models import build_tiny_store, make_tiny_catalogue

ELSEWHERE = {"architecture": "aarch64", "cpu": "Neoverse", "int8": "exact"}


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = make_tiny_catalogue(tmp_path)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADWATER_CATALOGUE", str(root))
    return root


@pytest.fixture
def store(root, tmp_path):
    return build_tiny_store(root, tmp_path / "home" / "store")


def call(*arguments):
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def take(root, *members):
    file = root / "pipelines" / "tiny.yaml"
    content = yaml.safe_load(file.read_text()) | {"ensemble": {"members": members}}
    file.write_text(yaml.safe_dump(content))


def put(root, store, variant, **facts):
    spec = load_catalogue(root).models["tiny-a"]
    model_file = store.card("tiny-a", 1, "fp32-onnx").model_file
    store.save_card(a_card(spec, variant, model_file, **facts))


def test_dry_run_says_what_would_go_and_keeps_it(store, tmp_path):
    loose = add(store, tmp_path, b"loose")
    grow_old(store.root)

    told = call("gc", "--dry-run").output

    assert f"files/{loose.sha256[:2]}/{loose.sha256}" in told
    assert "1 files, 0.0 MB, would be removed" in told
    assert store.is_intact(loose)


def test_gc_removes_it(store, tmp_path):
    loose = add(store, tmp_path, b"loose")

    early, late = call("gc"), call("gc", "--grace-s", "0")

    assert "0 files, 0.0 MB, removed" in early.output
    assert "1 files, 0.0 MB, removed" in late.output
    assert not store.is_intact(loose)
    assert call("verify").exit_code == 0


def test_gc_removes_cards_only_when_asked(root, store):
    put(root, store, "experiment")
    grow_old(store.root)

    first, second = call("gc"), call("gc", "--cards")

    assert "0 files" in first.output
    assert "experiment.json" in second.output
    assert [card.variant for card in store.cards()] == ["fp32-onnx"] * 2


def test_verify_ends_with_1_when_something_is_damaged(store):
    whole = call("verify")
    store.path(store.cards()[0].model_file.sha256).unlink()

    broken = call("verify")

    assert (whole.exit_code, broken.exit_code) == (0, 1)
    assert "nothing is damaged" in whole.output
    assert "1 damaged" in broken.output
    assert "is missing from the store" in broken.output


def test_choose_explains_what_is_taken_and_why_others_are_not(root, store):
    take(root, {"model": "tiny-a", "variant": "auto"}, {"model": "tiny-b"})
    put(root, store, "int8-onnx", latency=took(0.001), quality=lost(3, 1))

    told = call("choose", "tiny")

    assert told.exit_code == 0
    assert "tiny-a: fp32-onnx; wanted: surely at most 1 points of top-1" in told.output
    assert "loses 3.00 (2.00 to 4.00) points on photos" in told.output
    assert "tiny-b: fp32-onnx, as it is written" in told.output


def test_choose_ends_with_1_when_nothing_clears(root, store):
    target = {"max_size_bytes": 1}
    take(root, {"model": "tiny-a", "variant": "auto", "target": target})

    told = call("choose", "tiny")

    assert told.exit_code == 1
    assert "tiny-a: no variant clears" in told.output


def test_choose_measures_what_was_timed_elsewhere(root, store):
    take(root, {"model": "tiny-a", "variant": "auto"})
    put(root, store, "fp32-onnx", machine=ELSEWHERE)

    before = call("choose", "tiny")
    after = call("choose", "tiny", "--measure")

    assert "(another kind of machine)" in before.output
    assert "(another kind of machine)" not in after.output
    assert "?" not in after.output


def test_choose_of_an_unknown_pipeline_is_an_error(root, store):
    error = call("choose", "nose").exception

    assert isinstance(error, ConfigError)
    assert "is not in the catalogue: ['tiny']" in str(error)
