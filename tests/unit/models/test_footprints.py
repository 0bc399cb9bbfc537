"""What models took, kept beside the store by the kind of machine."""

from models.footprints import Footprints

DIGEST = "ab" * 32


def test_what_was_kept_is_read_by_the_next_process(tmp_path):
    Footprints(tmp_path, "here").keep(DIGEST, 7, 3)

    found = Footprints(tmp_path, "here").of(DIGEST)

    assert found is not None
    assert (found.host_bytes, found.device_bytes) == (7, 3)


def test_another_kind_of_machine_knows_nothing_of_it(tmp_path):
    Footprints(tmp_path, "here").keep(DIGEST, 7, 3)

    assert Footprints(tmp_path, "there").of(DIGEST) is None


def test_what_cannot_be_read_is_not_known(tmp_path):
    Footprints(tmp_path, "here").keep(DIGEST, 7, 3)
    (file,) = tmp_path.rglob("*.json")
    file.write_text("{")

    assert Footprints(tmp_path, "here").of(DIGEST) is None


def test_disk_that_refuses_costs_only_the_knowledge(tmp_path, caplog):
    (tmp_path / "memory").write_text("in the way")
    kept = Footprints(tmp_path, "here")

    kept.keep(DIGEST, 7, 3)

    found = kept.of(DIGEST)
    assert found is not None
    assert found.host_bytes == 7
    assert "is not kept" in caplog.text
