"""A store that machines share, as a folder; buckets are in the integration tests."""

import logging

import pytest

from configs.catalogue import load_catalogue
from models.build import build
from models.card import Card
from models.errors import SourceUnreachable
from models.remote import Remote, open_remote
from models.store import Store
from models.verify import verify
from models.workshop import Workshop
from tests.tiny_models import make_tiny_catalogue


@pytest.fixture
def root(tmp_path):
    return make_tiny_catalogue(tmp_path)


@pytest.fixture
def shared(tmp_path):
    return tmp_path / "shared"


def build_at(place, root, remote):
    """Build everything in a home of its own; which models were made there."""
    workshop = Workshop(
        load_catalogue(root), Store(place / "store"), place / "cache", remote=remote
    )
    made = [one.card for one in build(workshop) if one.fresh]
    return [card.model for card in made if isinstance(card, Card)]


def overwrite(path, content):
    path.chmod(0o644)
    path.write_bytes(content)


def test_second_machine_fetches_what_the_first_has_built(root, shared, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"

    first = build_at(here, root, Remote(shared.as_uri()))
    second = build_at(there, root, Remote(shared.as_uri()))

    assert (first, second) == (["tiny-a", "tiny-b"], [])
    assert Store(here / "store").cards() == Store(there / "store").cards()
    assert {one.state for one in verify(Store(there / "store"))} == {"ok"}


def test_changed_spec_is_not_served_from_an_old_build(root, shared, tmp_path):
    build_at(tmp_path / "here", root, Remote(shared.as_uri()))
    (root / "labels" / "tiny.txt").write_text("a\nb\nc\n")

    made = build_at(tmp_path / "there", root, Remote(shared.as_uri()))

    assert made == ["tiny-a", "tiny-b"]


def test_damaged_content_is_built_here_and_mended_there(root, shared, tmp_path, caplog):
    build_at(tmp_path / "here", root, Remote(shared.as_uri()))
    fact = Store(tmp_path / "here/store").card("tiny-a", 1, "fp32-onnx").model_file
    held = shared / "files" / fact.sha256[:2] / fact.sha256
    overwrite(held, b"short")

    made = build_at(tmp_path / "there", root, Remote(shared.as_uri()))

    assert made == ["tiny-a"]
    assert f"{fact.sha256} has another content; building it here" in caplog.text
    assert held.stat().st_size == fact.size_bytes


@pytest.mark.parametrize("swap", ["variant", "model"])
def test_card_of_something_else_is_refused(root, shared, tmp_path, caplog, swap):
    build_at(tmp_path / "here", root, Remote(shared.as_uri()))
    for file in (shared / "builds").glob("*.json"):
        text = file.read_text()
        wrong = {"variant": '"fp32-onnx"', "model": '"tiny-a"'}[swap]
        overwrite(file, text.replace(wrong, '"../../up"').encode())

    build_at(tmp_path / "there", root, Remote(shared.as_uri()))

    assert "building it here" in caplog.text
    assert not list(tmp_path.rglob("up*"))


def test_missing_file_is_said(root, shared, tmp_path, caplog):
    build_at(tmp_path / "here", root, Remote(shared.as_uri()))
    for file in shared.glob("files/*/*"):
        file.unlink()

    made = build_at(tmp_path / "there", root, Remote(shared.as_uri()))

    assert made == ["tiny-a", "tiny-b"]
    assert "is missing; building it here" in caplog.text


def test_remote_that_cannot_be_written_is_one_warning(root, shared, tmp_path, caplog):
    shared.write_text("a file, no folder")

    with caplog.at_level(logging.WARNING):
        made = build_at(tmp_path / "here", root, Remote(shared.as_uri()))

    assert made == ["tiny-a", "tiny-b"]
    assert [r.getMessage().split(": ")[1] for r in caplog.records] == [
        "going on without it"
    ]


def test_scheme_whose_library_is_missing_names_the_extra():
    with pytest.raises(SourceUnreachable, match=r"install headwater\[gcs\]"):
        open_remote("gs://bucket/prefix")


def test_no_remote_is_none():
    assert open_remote(None) is None
