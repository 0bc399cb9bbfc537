"""The whole build, on models small enough for a unit test."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from configs.catalogue import load_catalogue
from models.build import build
from models.card import Card, EnsembleCard
from models.errors import BelowBar, BuildFailed, HashMismatch, NotInCatalogue
from models.runtime import Runner
from models.store import Store
from models.workshop import Built, Workshop
from tests.tiny_models import build_tiny_store, make_tiny_catalogue, tiny_logits
from tests.tiny_vision import CLASSES, SIDE, make_tiny_vision


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tiny_vision(tmp_path)


def workshop(root: Path) -> Workshop:
    folder = root.parent
    return Workshop(load_catalogue(root), Store(folder / "store"), folder / "cache")


def build_all(root: Path) -> list[Built]:
    return list(build(workshop(root)))


def edit(root: Path, file: str, **changes: object) -> None:
    path = root / file
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def freshness(built: list[Built]) -> list[bool]:
    return [one.fresh for one in built]


def test_every_model_gets_both_variants_and_the_pipeline_its_weights(root):
    built = build_all(root)

    names = [
        (one.card.model, one.card.variant)
        if isinstance(one.card, Card)
        else (one.card.pipeline, "ensemble")
        for one in built
    ]
    assert names == [
        ("eye-a", "fp32-onnx"), ("eye-a", "int8-onnx"),
        ("eye-b", "fp32-onnx"), ("eye-b", "int8-onnx"),
        ("eyes", "ensemble"),
    ]  # fmt: skip
    assert all(freshness(built))


def test_second_build_makes_nothing(root):
    first = build_all(root)

    second = build_all(root)

    assert not any(freshness(second))
    assert [one.card for one in second] == [one.card for one in first]


def test_int8_card_holds_what_was_measured_and_how_it_was_made(root):
    build_all(root)

    int8 = workshop(root).store.cards()[1]

    (fact,) = int8.quality
    assert (fact.dataset, fact.top1.n) == ("colours", 24)
    assert fact.agreement is not None
    assert fact.agreement.value > 0.8
    assert int8.quantization is not None
    assert int8.quantization.photos == 24
    assert [fact.batch_size for fact in int8.latency] == [1, 8, 32]
    assert {"onnx", "onnxruntime"} <= int8.toolchain.keys()


def test_fp32_is_right_where_it_made_the_labels_itself(root):
    build_all(root)

    assert workshop(root).store.cards()[0].quality[0].top1.value == 1.0


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_built_variants_take_any_batch_size(root, batch):
    build_all(root)
    rows = np.zeros((batch, 3, SIDE, SIDE), np.float32)

    store = workshop(root).store
    for card in store.cards():
        answer = Runner(store.file(card.model_file)).logits(rows)
        assert answer.shape == (batch, CLASSES), card.variant


def test_two_builds_elsewhere_give_the_same_files(tmp_path):
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        build_all(make_tiny_vision(tmp_path / place))

    files = [
        [(card.model_file, card.golden) for card in Store(tmp_path / place).cards()]
        for place in ("here/store", "there/store")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 4


def test_changed_calibration_rebuilds_int8_and_weights_but_not_fp32(root):
    build_all(root)

    edit(
        root,
        "models/eye-a.yaml",
        calibration={"dataset": "colours", "method": "percentile", "percentile": 90.0},
    )

    assert freshness(build_all(root)) == [False, True, False, False, True]


def test_changed_batching_rebuilds_nothing(root):
    build_all(root)

    edit(root, "models/eye-a.yaml", batching={"max_batch_size": 2})

    assert not any(freshness(build_all(root)))


def test_changed_labels_file_rebuilds_its_model(tmp_path):
    root = make_tiny_catalogue(tmp_path)
    build_tiny_store(root, tmp_path / "store")

    (root / "labels" / "tiny.txt").write_text("a\nb\nc\n")

    assert freshness(build_all(root)) == [True, True]


def test_damaged_file_is_mended(root):
    build_all(root)
    store = workshop(root).store
    int8 = store.cards()[1]
    path = store.file(int8.model_file)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    rebuilt = build_all(root)

    assert freshness(rebuilt) == [False, True, False, False, False]
    assert store.is_intact(int8.model_file)


def test_damaged_card_is_made_again(root):
    build_all(root)
    (root.parent / "store/cards/eye-b/1/int8-onnx.json").write_text("{")

    assert freshness(build_all(root)) == [False, False, False, True, False]


def test_one_model_alone_brings_its_ensemble_up_to_date(root):
    build_all(root)

    built = list(build(workshop(root), ["eye-b"]))

    assert [type(one.card) for one in built] == [Card, Card, EnsembleCard]


def test_ensemble_waits_for_members_that_were_never_built(root):
    built = list(build(workshop(root), ["eye-b"]))

    assert [type(one.card) for one in built] == [Card, Card]


def test_unknown_model_is_named_before_anything_is_built(root):
    with pytest.raises(NotInCatalogue, match="nose is not in the catalogue"):
        next(build(workshop(root), ["nose"]))


def test_weights_that_are_not_the_pinned_ones_stop_the_build(root):
    pin = {"uri": (root.parent / "eye-b.onnx").as_uri(), "sha256": "0" * 64}
    edit(root, "models/eye-a.yaml", weights=pin)

    with pytest.raises(HashMismatch):
        build_all(root)


def test_variant_below_its_bar_is_not_stored(root):
    _make_photos_disagree_with_int8(root)

    with pytest.raises(BelowBar, match="eye-a int8-onnx: must have"):
        build_all(root)

    assert [card.variant for card in workshop(root).store.cards()] == ["fp32-onnx"]


def test_graph_that_breaks_the_promise_of_its_spec_is_refused(root):
    wrong = [{"name": "logits", "datatype": "FP32", "shape": [CLASSES + 1]}]
    edit(root, "models/eye-a.yaml", outputs=wrong)

    with pytest.raises(BuildFailed, match="ONNX check failed: the spec promises"):
        build_all(root)


def test_file_that_is_no_onnx_is_refused(root):
    weights = root.parent / "eye-a.onnx"
    weights.write_bytes(b"not a model")
    from models.store import digest

    pin = {"uri": weights.as_uri(), "sha256": digest(weights)}
    edit(root, "models/eye-a.yaml", weights=pin)

    with pytest.raises(BuildFailed, match="ONNX check failed"):
        build_all(root)


def test_tiny_store_answers_as_its_weights_say(tmp_path):
    store = build_tiny_store(make_tiny_catalogue(tmp_path), tmp_path / "store")
    rows = np.random.default_rng(2).normal(size=(5, 4)).astype(np.float32)

    for card in store.cards():
        found = Runner(store.file(card.model_file)).logits(rows)
        assert found == pytest.approx(tiny_logits(card.model, rows), abs=1e-6)


def test_importing_the_build_does_not_import_torch_or_onnx():
    asked = (
        "import sys, models.build; print({'torch', 'onnx', 'ray'} & set(sys.modules))"
    )

    told = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )

    assert told.stdout.strip() == "set()"


def _make_photos_disagree_with_int8(root: Path) -> None:
    """Calibrate on black photos alone: every range is then far too small."""
    from PIL import Image

    from tests.fakes_photos import encoded

    black = root.parent / "black"
    black.mkdir()
    (black / "0.png").write_bytes(encoded(Image.new("RGB", (12, 12))))
    (black / "labels.csv").write_text("file,class_index\n0.png,0\n")
    (root / "datasets" / "black.yaml").write_text(
        yaml.safe_dump(
            {"id": "black", "title": "", "licence": "", "source": f"file://{black}"}
        )
    )
    edit(root, "models/eye-a.yaml", calibration={"dataset": "black"})
