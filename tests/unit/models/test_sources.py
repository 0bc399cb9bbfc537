"""Fetching from disk: what is kept, checked and refused. The web is in integration."""

import hashlib
from importlib.metadata import version
from pathlib import Path

import pytest

from configs.model import Artefact
from models.errors import HashMismatch, SourceUnreachable
from models.sources import Patience, fetch

CONTENT = bytes(range(256)) * 8192  # 2 MiB: more than one block
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NOW = Patience(attempts=1, pause_s=0.0)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.bin"
    file.write_bytes(CONTENT)
    return file


def artefact(file: Path, sha256: str = SHA256) -> Artefact:
    return Artefact(uri=file.as_uri(), sha256=sha256)


def test_fetched_file_lies_under_its_digest(source, tmp_path):
    found = fetch(artefact(source), tmp_path / "cache")

    assert found == tmp_path / "cache" / SHA256
    assert found.read_bytes() == CONTENT


def test_progress_ends_with_all_bytes(source, tmp_path):
    told: list[tuple[str, int, int]] = []

    fetch(
        artefact(source),
        tmp_path / "cache",
        lambda step, done, total: told.append((step, done, total)),
    )

    assert told[0] == ("fetch source.bin", 0, len(CONTENT))
    assert told[-1] == ("fetch source.bin", len(CONTENT), len(CONTENT))


def test_fetched_file_is_not_read_again(source, tmp_path):
    fetch(artefact(source), tmp_path / "cache")
    source.unlink()

    assert fetch(artefact(source), tmp_path / "cache").read_bytes() == CONTENT


def test_wrong_content_is_refused_and_deleted(source, tmp_path):
    with pytest.raises(HashMismatch) as refused:
        fetch(artefact(source, "0" * 64), tmp_path / "cache")

    assert refused.value.got == SHA256
    left = [file.suffix for file in (tmp_path / "cache").iterdir()]
    assert left == [".lock"]


def test_part_of_an_earlier_try_is_completed(source, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / f"{SHA256}.part").write_bytes(CONTENT[:700_000])
    told: list[int] = []

    fetch(artefact(source), cache, lambda step, done, total: told.append(done))

    assert told[0] == 700_000, "the first bytes are not fetched again"
    assert (cache / SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize("stale", [b"another file", CONTENT + b"longer"])
def test_part_of_another_file_is_thrown_away(source, tmp_path, stale):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / f"{SHA256}.part").write_bytes(stale)

    assert fetch(artefact(source), cache).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("file:///no/such/file", "no such file"),
        ("ftpx://host/file", "not a known scheme"),
        (f"package://numpy@{version('numpy')}/numpy/fft/_*.py", "must name one file"),
    ],
)
def test_source_that_cannot_be_read_says_why(tmp_path, uri, reason):
    with pytest.raises(SourceUnreachable, match=reason):
        fetch(Artefact(uri=uri, sha256="0" * 64), tmp_path, patience=NOW)
