"""A remote store in a bucket (moto's server), and one that does not answer."""

import socket
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from configs.catalogue import load_catalogue
from models.build import build
from models.card import Card
from models.remote import Remote
from models.store import Store
from models.verify import verify
from models.workshop import Workshop
from tests.tiny_models import make_tiny_catalogue

URI = "s3://shared/headwater"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[s3fs.S3FileSystem]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    access = {"endpoint_url": f"http://{host}:{port}", "key": "k", "secret": "s"}
    monkeypatch.setitem(fsspec.config.conf, "s3", access)
    files = s3fs.S3FileSystem(skip_instance_cache=True, **access)
    files.makedirs("shared", exist_ok=True)
    for left in files.find("shared"):  # moto keeps its state in the process
        files.rm_file(left)
    yield files
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        access = {"endpoint_url": url, "key": "k", "secret": "s"}
        monkeypatch.setitem(fsspec.config.conf, "s3", access)
        yield
    s3fs.S3FileSystem.clear_instance_cache()


def build_at(place: Path, root: Path, uri: str = URI) -> list[str]:
    """Build everything in a home of its own; which models were made there."""
    store, remote = Store(place / "store"), Remote(uri)
    workshop = Workshop(load_catalogue(root), store, place / "cache", remote=remote)
    made = [one.card for one in build(workshop) if one.fresh]
    return [card.model for card in made if isinstance(card, Card)]


def test_second_machine_fetches_what_the_first_has_built(bucket, tmp_path):
    root = make_tiny_catalogue(tmp_path)

    first = build_at(tmp_path / "here", root)
    second = build_at(tmp_path / "there", root)

    assert (first, second) == (["tiny-a", "tiny-b"], [])
    assert {one.state for one in verify(Store(tmp_path / "there/store"))} == {"ok"}


def test_object_with_another_content_is_built_here(bucket, tmp_path, caplog):
    root = make_tiny_catalogue(tmp_path)
    build_at(tmp_path / "here", root)
    for held in bucket.find("shared/headwater/files"):
        bucket.pipe_file(held, b"another content")

    made = build_at(tmp_path / "there", root)

    assert made == ["tiny-a", "tiny-b"]
    assert "has another content; building it here" in caplog.text


def test_bucket_that_is_not_there_is_one_warning(bucket, tmp_path, caplog):
    made = build_at(tmp_path / "here", make_tiny_catalogue(tmp_path), "s3://nobody/x")

    assert made == ["tiny-a", "tiny-b"]
    told = [r.getMessage() for r in caplog.records if r.name == "models.remote"]
    assert len(told) == 1
    assert told[0].startswith("s3://nobody/x: going on without it: ")


def test_server_that_is_down_is_one_warning(dead, tmp_path, caplog):
    made = build_at(tmp_path / "here", make_tiny_catalogue(tmp_path))

    assert made == ["tiny-a", "tiny-b"]
    told = [r.getMessage() for r in caplog.records if r.name == "models.remote"]
    assert len(told) == 1
    assert "going on without it" in told[0]
