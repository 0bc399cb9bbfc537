import io
import random
import tarfile

import pytest

from models import archives
from models.archives import archived_files
from models.errors import SourceUnreachable


@pytest.fixture
def catalogue(tmp_path):
    root = tmp_path / "catalogue"
    root.mkdir()
    with tarfile.open(root / "digits.tar.xz", "w:xz") as archive:
        for name in ("train/1_ann_0.wav", "train/0_bob_0.wav", "heard/0_bob_1.wav"):
            entry = tarfile.TarInfo(name)
            entry.size = len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))
    return root


def test_files_of_an_archive_come_in_order_of_name(catalogue, tmp_path):
    found = archived_files(
        "catalogue://digits.tar.xz/train/*.wav", catalogue, tmp_path / "cache"
    )

    assert [file.name for file in found] == ["0_bob_0.wav", "1_ann_0.wav"]
    assert found[0].read_bytes() == b"train/0_bob_0.wav"


def test_archive_is_unpacked_once(catalogue, tmp_path):
    uri, cache = "catalogue://digits.tar.xz/heard/*.wav", tmp_path / "cache"
    (first,) = archived_files(uri, catalogue, cache)
    made = first.stat().st_ino

    (again,) = archived_files(uri, catalogue, cache)

    assert again.stat().st_ino == made
    assert len(list((cache / "archives").iterdir())) == 1


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("catalogue://digits.tar.xz", "must look like"),
        ("catalogue://digits.zip/a.wav", "must look like"),
        ("catalogue://digits.tar.xz/../a.wav", "inside the archive"),
        ("catalogue://../digits.tar.xz/a.wav", "inside the archive"),
        ("catalogue://{tmp_path}/catalogue/digits.tar.xz/*", "inside the archive"),
        ("catalogue://digits.tar.xz//etc/*", "inside the archive"),
        ("catalogue://digits.tar.xz/train/**x/*", "not a pattern of files"),
        ("catalogue://other.tar.xz/a.wav", "the catalogue has no other.tar.xz"),
        ("catalogue://digits.tar.xz/none/*.wav", "holds no such file"),
    ],
)
def test_what_is_not_there_is_named(catalogue, tmp_path, uri, reason):
    with pytest.raises(SourceUnreachable, match=reason):
        archived_files(uri.format(tmp_path=tmp_path), catalogue, tmp_path / "cache")


@pytest.mark.parametrize("mode", ["w:xz", "w:gz", "w:bz2"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9])
def test_one_wrong_byte_in_an_archive_is_found(tmp_path, mode, share):
    whole = tmp_path / f"noise.tar.{mode[2:]}"
    noise = random.Random(0)
    with tarfile.open(whole, mode) as archive:
        for name in ("a.wav", "b.wav", "c.wav"):
            entry = tarfile.TarInfo(name)
            entry.size = 40_000
            archive.addfile(entry, io.BytesIO(noise.randbytes(20_000).hex().encode()))
    content = bytearray(whole.read_bytes())
    content[int(share * len(content))] ^= 255
    whole.write_bytes(content)

    with pytest.raises(SourceUnreachable, match="a damaged archive"):
        archived_files(f"catalogue://{whole.name}/*.wav", tmp_path, tmp_path / "cache")


def test_process_that_comes_second_leaves_the_first_ones_files(
    catalogue, tmp_path, monkeypatch
):
    uri, cache = "catalogue://digits.tar.xz/**/*.wav", tmp_path / "cache"
    extract, first = archives._extract, []

    def overtaken(archive, folder):
        monkeypatch.setattr(archives, "_extract", extract)
        first.extend(archived_files(uri, catalogue, cache))
        extract(archive, folder)

    monkeypatch.setattr(archives, "_extract", overtaken)

    second = archived_files(uri, catalogue, cache)

    assert second == first
    assert len(second) == 3
    assert len(list((cache / "archives").iterdir())) == 1


def test_damaged_archive_is_refused_and_leaves_nothing(catalogue, tmp_path):
    file, cache = catalogue / "digits.tar.xz", tmp_path / "cache"
    file.write_bytes(file.read_bytes()[:80])

    with pytest.raises(SourceUnreachable, match="a damaged archive"):
        archived_files("catalogue://digits.tar.xz/train/*.wav", catalogue, cache)

    assert list((cache / "archives").iterdir()) == []


def test_archive_cannot_write_outside_of_the_cache(catalogue, tmp_path):
    with tarfile.open(catalogue / "sly.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("../../sly.wav"))

    with pytest.raises(SourceUnreachable, match="a damaged archive"):
        archived_files("catalogue://sly.tar/*.wav", catalogue, tmp_path / "cache")

    assert not list(tmp_path.rglob("sly.wav"))
