"""Files that are there whole or not at all."""

import errno
import os

import pytest

from models.atomic import age_s, stale_scratch, write_whole
from models.errors import StoreUnwritable


def test_file_appears_when_it_is_written(tmp_path):
    target = tmp_path / "a" / "card.json"

    with write_whole(target) as scratch:
        scratch.write_text("whole")
        before = target.exists()

    assert not before
    assert target.read_text() == "whole"
    assert [file.name for file in target.parent.iterdir()] == ["card.json"]


def test_writer_that_fails_leaves_what_was_there(tmp_path):
    target = tmp_path / "card.json"
    target.write_text("old")

    def half(scratch):
        scratch.write_text("half")
        raise KeyError

    with pytest.raises(KeyError), write_whole(target) as scratch:
        half(scratch)

    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_full_disk_says_what_to_do_and_leaves_nothing(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreUnwritable) as refused, write_whole(tmp_path / "a"):
        raise full

    assert str(refused.value) == (
        f"{tmp_path}: cannot be written: No space left on device; "
        "`headwater models gc` removes what nothing names"
    )
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(StoreUnwritable, match=r"file.*cannot be written"),
        write_whole(tmp_path / "file" / "a"),
    ):
        pass


def test_only_scratch_that_nobody_wrote_for_long_is_stale(tmp_path):
    for name, hours in ((".new-old", 2), (".new-young", 0), ("kept", 9)):
        file = tmp_path / "cards" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
        written = file.stat().st_mtime - 3600 * hours
        os.utime(file, (written, written))

    assert [file.name for file in stale_scratch(tmp_path)] == [".new-old"]


def test_file_that_is_gone_has_no_age(tmp_path):
    assert age_s(tmp_path / "gone") is None
