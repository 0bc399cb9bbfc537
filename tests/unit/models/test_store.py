"""The content-addressed store."""

import os
from pathlib import Path

import pytest

from models.card import Card
from models.errors import StoreCorrupt, VariantNotFound
from models.store import Store, digest
from tests.tiny_models import build_tiny_store, make_tiny_catalogue


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def card(tmp_path: Path) -> Card:
    root = make_tiny_catalogue(tmp_path / "tiny")
    return build_tiny_store(root, tmp_path / "tiny-store").cards()[0]


def test_file_is_stored_under_its_digest_and_read_only(store, file):
    fact = store.add_file(file)

    stored = store.file(fact)
    assert stored.name == fact.sha256 == digest(file)
    assert stored.stat().st_mode & 0o222 == 0


def test_same_content_is_stored_once(store, file):
    first = store.add_file(file)

    assert store.add_file(file) == first
    assert len(list(store.root.glob("files/*/*"))) == 1


def test_missing_file_says_how_to_mend_it(store, file):
    fact = store.add_file(file)
    store.file(fact).unlink()

    with pytest.raises(
        StoreCorrupt, match=r"is missing .* run `headwater models build`"
    ):
        store.file(fact)


def test_file_of_another_size_is_refused(store, file):
    fact = store.add_file(file)
    _overwrite(store.file(fact), b"weights and more")

    with pytest.raises(StoreCorrupt, match="has changed in the store"):
        store.file(fact)


def test_changed_bit_is_seen_and_mended(store, file):
    fact = store.add_file(file)
    _overwrite(store.file(fact), b"weighty")

    seen = store.is_intact(fact)
    store.add_file(file)

    assert not seen
    assert store.is_intact(fact)


def test_card_comes_back_as_it_was_saved(store, card):
    store.save_card(card)

    assert store.card(card.model, card.version, card.variant) == card
    assert store.cards() == [card]


def test_card_can_be_read_by_other_users(store, card):
    store.save_card(card)

    (kept,) = store.root.glob("cards/*/*/*.json")
    assert kept.stat().st_mode & 0o777 == 0o644


def test_variant_that_was_never_built_says_what_to_run(store):
    with pytest.raises(VariantNotFound) as missing:
        store.card("asr", 2, "int8-onnx")

    assert str(missing.value) == (
        "asr version 2 int8-onnx is not in the store; run `headwater models build`, or "
        "`headwater optimize` for what a recipe makes"
    )


def test_card_with_an_unknown_key_is_refused(store, card):
    store.save_card(card)
    (kept,) = store.root.glob("cards/*/*/*.json")
    kept.write_text(kept.read_text().replace('"title"', '"titles"'))

    with pytest.raises(StoreCorrupt, match="unreadable card"):
        store.cards()


def test_ensemble_that_was_never_fitted_says_what_to_run(store):
    with pytest.raises(VariantNotFound, match="ensemble of vision is not in the store"):
        store.ensemble("vision")


def _overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def test_file_that_was_verified_is_not_read_again(store, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(bytes(8 << 20))
    fact = store.add_file(large)
    _age(store.path(fact.sha256))
    store.file(fact)
    before = _bytes_read()

    store.file(fact)

    assert _bytes_read() - before < 1 << 20


def test_write_that_sets_the_clock_back_is_seen(store, file):
    fact = store.add_file(file)
    stored = store.path(fact.sha256)
    _age(stored)
    store.file(fact)

    _overwrite(stored, b"weighty")
    _age(stored)

    with pytest.raises(StoreCorrupt, match="has changed in the store"):
        store.file(fact)


def _age(path: Path) -> None:
    os.utime(path, (1_000_000_000, 1_000_000_000))


def _bytes_read() -> int:
    """Of this process, as Linux counts them."""
    return int(Path("/proc/self/io").read_text().split()[1])
