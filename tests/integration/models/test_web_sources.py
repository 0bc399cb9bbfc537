"""Fetching over HTTP from a server that breaks off, refuses or changes its file."""

import hashlib
from collections.abc import Iterator

import pytest

from configs.model import Artefact
from models.errors import HashMismatch, SourceUnreachable
from models.sources import Patience, fetch
from tests.fakes_sources import Website, website

CONTENT = bytes(range(256)) * 65_536  # 16 MiB: several range requests
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def site() -> Iterator[Website]:
    with website(CONTENT) as serving:
        yield serving


def artefact(site: Website, sha256: str = SHA256) -> Artefact:
    return Artefact(uri=site.url, sha256=sha256)


def _first_byte(wanted: str) -> int:
    """How far into the file the `Range` header `bytes=FIRST-LAST` begins."""
    return int(wanted.removeprefix("bytes=").partition("-")[0])


def hurry(attempts: int) -> Patience:
    return Patience(attempts=attempts, pause_s=0.0)


@pytest.mark.parametrize("takes_ranges", [True, False])
def test_file_arrives_whole(site, tmp_path, takes_ranges):
    site.takes_ranges = takes_ranges

    assert fetch(artefact(site), tmp_path).read_bytes() == CONTENT


def test_broken_transfer_goes_on_where_it_stopped(site, tmp_path):
    site.breaks = [9_000_000]

    found = fetch(artefact(site), tmp_path, patience=hurry(2))

    assert found.read_bytes() == CONTENT
    assert _first_byte(site.asked[1]) > 0, "what was there is not fetched again"


def test_later_call_goes_on_where_the_last_one_gave_up(site, tmp_path):
    site.breaks = [9_000_000]
    with pytest.raises(SourceUnreachable):
        fetch(artefact(site), tmp_path, patience=hurry(1))
    kept = (tmp_path / f"{SHA256}.part").stat().st_size

    found = fetch(artefact(site), tmp_path, patience=hurry(1))

    assert found.read_bytes() == CONTENT
    assert _first_byte(site.asked[1]) == kept > 0


def test_broken_transfer_without_ranges_starts_again(site, tmp_path):
    site.takes_ranges = False
    site.breaks = [5_000_000]

    assert fetch(artefact(site), tmp_path, patience=hurry(2)).read_bytes() == CONTENT


def test_server_that_keeps_breaking_off_is_given_up(site, tmp_path):
    site.breaks = [10] * 50

    with pytest.raises(SourceUnreachable, match="cannot be fetched"):
        fetch(artefact(site), tmp_path, patience=hurry(3))


@pytest.mark.parametrize(("status", "reason"), [(404, "no such file"), (403, "403")])
def test_final_refusal_is_not_tried_again(site, tmp_path, status, reason):
    site.status = status

    with pytest.raises(SourceUnreachable, match=reason):
        fetch(artefact(site), tmp_path, patience=hurry(5))

    assert len(site.asked) <= 1


def test_wrong_content_is_refused_and_deleted(site, tmp_path):
    with pytest.raises(HashMismatch):
        fetch(artefact(site, "0" * 64), tmp_path, patience=hurry(1))

    assert [left for left in tmp_path.iterdir() if left.suffix != ".lock"] == []


def test_fetched_file_needs_no_server(site, tmp_path):
    fetch(artefact(site), tmp_path)
    asked = len(site.asked)

    fetch(artefact(site), tmp_path)

    assert len(site.asked) == asked


def test_nobody_listening_is_said(tmp_path):
    gone = Artefact(uri="http://127.0.0.1:9/model.bin", sha256=SHA256)

    with pytest.raises(SourceUnreachable, match="Cannot connect to host"):
        fetch(gone, tmp_path, patience=hurry(1))
