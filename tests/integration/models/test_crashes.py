"""Processes that are really killed, and several that build at once."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from configs.catalogue import load_catalogue
from models import collect
from models.build import build
from models.store import Store, digest
from models.verify import verify
from models.workshop import Workshop
from tests import crashing
from tests.stored import grow_old
from tests.tiny_models import make_tiny_catalogue
from tests.tiny_vision import make_tiny_vision

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder for each step at which a writer was killed; the last one came to its end."""
    root = tmp_path_factory.mktemp("killed")
    told = subprocess.run(
        [sys.executable, "-m", "tests.crashing", str(root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(line) for line in told.stdout.splitlines()]


def visible(store):
    """What a reader sees: the digests, and each card with whether its file is whole."""
    return (
        [file.name for file in store.stored_files()],
        [(card.variant, store.is_intact(card.model_file)) for card in store.cards()],
    )


def test_writer_killed_at_any_step_leaves_nothing_half(killed):
    assert len(killed) > 8
    for folder in killed:
        store, whole = Store(folder / "store"), digest(folder / "content")
        files, cards = visible(store)
        assert files in ([], [whole])
        assert cards in ([], [("fp32-onnx", True)])
        assert {digest(file) for file in store.stored_files()} <= {whole}


def test_writer_after_a_killed_one_finishes_and_gc_takes_what_is_left(killed):
    left = []
    for folder in killed:
        store = Store(folder / "store")
        crashing.write(folder)
        grow_old(store.root)
        left += collect.remove(store)
        assert visible(store) == ([digest(folder / "content")], [("fp32-onnx", True)])
        assert not list(store.root.rglob(".new-*"))
    assert {one.reason for one in left} == {"left by a killed writer"}


def start(catalogue, home):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.building", str(catalogue), str(home)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(builder):
    out, error = builder.communicate(timeout=120)
    assert builder.returncode == 0, error
    return int(out)


def build_here(catalogue, home):
    workshop = Workshop(
        load_catalogue(catalogue), Store(home / "store"), home / "cache"
    )
    return [one.fresh for one in build(workshop)]


def damage(store):
    return [one for one in verify(store) if one.state == "damaged"]


def test_two_builds_of_the_same_at_once_leave_one_whole_store(tmp_path):
    catalogue = make_tiny_vision(tmp_path)

    builders = [start(catalogue, tmp_path / "home") for _ in range(2)]
    for builder in builders:
        finish(builder)

    assert damage(Store(tmp_path / "home/store")) == []
    assert build_here(catalogue, tmp_path / "home") == [False] * 5


def test_two_builds_of_different_models_at_once_leave_both(tmp_path):
    catalogues = [
        make_tiny_catalogue(tmp_path / "a"),
        make_tiny_vision(tmp_path / "b"),
    ]

    for builder in [start(catalogue, tmp_path / "home") for catalogue in catalogues]:
        finish(builder)

    store = Store(tmp_path / "home/store")
    assert damage(store) == []
    assert len(store.cards()) == 6


def test_build_killed_beside_another_hurts_neither_it_nor_the_next(tmp_path):
    catalogue, store = make_tiny_vision(tmp_path), Store(tmp_path / "home/store")
    victim, other = (start(catalogue, tmp_path / "home") for _ in range(2))
    while not store.card_files() and victim.poll() is None:
        time.sleep(0.01)

    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    seen = damage(store)
    finish(other)

    assert seen == damage(store) == []
    assert build_here(catalogue, tmp_path / "home") == [False] * 5
