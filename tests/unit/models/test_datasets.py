"""Labelled photos from folders and packages."""

from pathlib import Path

import numpy as np
import pytest

from configs.dataset import DatasetSpec
from configs.model import ImageSpec
from models.datasets import crops, open_dataset, open_folder
from models.errors import HashMismatch, NotLabelled, SourceUnreachable
from tests.fakes_photos import encoded, gradient
from tests.tiny_training import write_idx


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    (root / "images").mkdir(parents=True)
    for name in ("a.png", "b.png"):
        (root / "images" / name).write_bytes(encoded(gradient()))
    (root / "labels.csv").write_text(
        'file,wnid,class_index,name\na.png,n1,7,"cat, tabby"\nimages/b.png,n2,3,dog\n'
    )
    return root


def spec(folder: Path, **others: object) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {"id": "d", "title": "", "licence": "", "source": f"file://{folder}", **others}
    )


def test_listed_photos_are_found_beside_the_list_and_in_images(folder):
    found = open_folder(folder)

    assert found.labels.tolist() == [7, 3]
    assert [photo.file.name for photo in found.photos] == ["a.png", "b.png"]
    assert found.name == "photos"


def test_digest_changes_with_a_label(folder):
    before = open_folder(folder).sha256

    listed = folder / "labels.csv"
    listed.write_text(listed.read_text().replace(",7,", ",8,"))

    assert open_folder(folder).sha256 != before


def test_digest_changes_with_a_photo(folder):
    before = open_folder(folder).sha256

    (folder / "images" / "a.png").write_bytes(encoded(gradient(65)))

    assert open_folder(folder).sha256 != before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("file,label\na.png,1\n", "needs the columns file and class_index"),
        ("file,class_index\na.png,cat\n", "needs the columns file and class_index"),
        ("file,class_index\nc.png,1\n", "no such photo: c.png"),
        ("file,class_index\n", "no such photo"),
    ],
)
def test_wrong_list_is_refused_with_what_is_wrong(folder, content, reason):
    (folder / "labels.csv").write_text(content)

    with pytest.raises(SourceUnreachable, match=reason):
        open_folder(folder)


def test_missing_list_is_named(tmp_path):
    with pytest.raises(SourceUnreachable, match=r"labels\.csv.*No such file"):
        open_folder(tmp_path)


def test_dataset_that_is_not_the_pinned_one_is_refused(folder, tmp_path):
    with pytest.raises(HashMismatch):
        open_dataset(spec(folder, sha256="0" * 64), tmp_path)


def test_dataset_that_is_the_pinned_one_is_taken(folder, tmp_path):
    pin = open_folder(folder).sha256

    found = open_dataset(spec(folder, sha256=pin), tmp_path)

    assert (found.name, found.sha256) == ("d", pin)


def test_crops_are_in_the_order_of_the_labels(folder):
    (folder / "images" / "b.png").write_bytes(encoded(gradient().rotate(180)))
    told: list[tuple[str, int, int]] = []

    found = crops(
        open_folder(folder),
        ImageSpec(size_px=8),
        lambda step, done, total: told.append((step, done, total)),
    )

    assert found.shape == (2, 8, 8, 3)
    assert found.dtype == np.uint8
    assert found[0, 0, 0, 0] < 60 < 200 < found[1, 0, 0, 0]
    assert told == [("read photos", 1, 2), ("read photos", 2, 2)]


def test_photo_that_cannot_be_decoded_is_named(folder):
    (folder / "images" / "b.png").write_bytes(b"nonsense")

    with pytest.raises(SourceUnreachable, match=r"b\.png.*not a JPEG"):
        crops(open_folder(folder), ImageSpec(size_px=8))


@pytest.fixture
def idx(tmp_path: Path) -> Path:
    pixels = np.arange(3 * 64, dtype=np.uint8).reshape(3, 8, 8)
    write_idx(tmp_path / "few-images.gz", pixels)
    write_idx(tmp_path / "few-labels.gz", np.array([2, 0, 1], np.uint8))
    return tmp_path / "few-*.gz"


def test_pair_of_idx_files_is_a_dataset_of_grey_photos(idx, tmp_path):
    found = open_dataset(spec(idx, format="idx"), tmp_path)

    seen = crops(found, ImageSpec(size_px=8))
    assert found.labels.tolist() == [2, 0, 1]
    assert seen.shape == (3, 8, 8, 3)
    assert np.array_equal(seen[1, :, :, 2], 64 + np.arange(64).reshape(8, 8))


def test_first_photos_are_a_dataset_with_a_digest_of_its_own(idx, tmp_path):
    whole = open_dataset(spec(idx, format="idx"), tmp_path)

    cut = open_dataset(spec(idx, format="idx", max_photos=2), tmp_path)

    assert cut.labels.tolist() == [2, 0]
    assert len(crops(cut, ImageSpec(size_px=8))) == 2
    assert cut.sha256 != whole.sha256


def test_idx_files_that_make_no_pair_are_named(idx, tmp_path):
    write_idx(tmp_path / "few-others.gz", np.array([2], np.uint8))

    with pytest.raises(SourceUnreachable, match=r"two IDX files.*few-others\.gz"):
        open_dataset(spec(idx, format="idx"), tmp_path)


def test_images_without_as_many_labels_are_refused(idx, tmp_path):
    write_idx(tmp_path / "few-labels.gz", np.array([2], np.uint8))

    with pytest.raises(SourceUnreachable, match="holds 3 images and 1 labels"):
        open_dataset(spec(idx, format="idx"), tmp_path)


def test_texts_are_the_files_in_order_of_name(tmp_path):
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(name)
    dataset = open_dataset(spec(tmp_path / "*.txt", format="text"), tmp_path)

    assert [photo.file.name for photo in dataset.photos] == ["a.txt", "b.txt"]


def test_pattern_that_fits_no_text_is_refused(tmp_path):
    with pytest.raises(SourceUnreachable, match="no such file"):
        open_dataset(spec(tmp_path / "*.txt", format="text"), tmp_path)


def test_photos_without_labels_are_all_that_lie_there(folder):
    (folder / "more").mkdir()
    (folder / "more" / "C.PNG").write_bytes(encoded(gradient()))

    found = open_dataset(spec(folder, labelled=False), folder)

    assert [photo.file.name for photo in found.photos] == ["a.png", "b.png", "C.PNG"]
    assert not found.is_labelled
    with pytest.raises(NotLabelled, match="d has no labels: a student can be taught"):
        _ = found.labels


def test_folder_without_photos_says_what_it_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("none")

    with pytest.raises(SourceUnreachable, match=r"holds no photo \(\.bmp, \.jpeg"):
        open_dataset(spec(tmp_path, labelled=False), tmp_path)


@pytest.mark.parametrize("others", [{"format": "idx"}, {"label_pattern": "(.)"}])
def test_only_plain_photos_can_be_without_labels(tmp_path, others):
    with pytest.raises(ValueError, match="labelled: false is for photos without"):
        spec(tmp_path, labelled=False, **others)
