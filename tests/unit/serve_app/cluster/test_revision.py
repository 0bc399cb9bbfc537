import pytest

from serve_app.cluster.revision import revision_of


@pytest.fixture
def house(tmp_path):
    for file in (
        "code/models/a.py",
        "catalogue/models/a.yaml",
        "store/cards/a/1/int8-onnx.json",
        "store/ensembles/vision.json",
    ):
        target = tmp_path / file
        target.parent.mkdir(parents=True)
        target.write_text("one")
    return tmp_path


def revision(house):
    return revision_of(house / "code", house / "catalogue", house / "store")


def test_same_house_has_the_same_revision(house):
    assert revision(house) == revision(house)


@pytest.mark.parametrize(
    "file",
    [
        "code/models/a.py",
        "code/serve_app/new.py",
        "catalogue/models/a.yaml",
        "store/cards/a/1/int8-onnx.json",
        "store/ensembles/vision.json",
        "store/latency/a/b.json",
    ],
)
def test_a_change_that_replicas_would_see_changes_it(house, file):
    before = revision(house)

    (house / file).parent.mkdir(parents=True, exist_ok=True)
    (house / file).write_text("two")

    assert revision(house) != before


@pytest.mark.parametrize("file", ["code/models/note.txt", "code/benchmarks/b.py"])
def test_other_files_do_not(house, file):
    before = revision(house)

    (house / file).parent.mkdir(exist_ok=True)
    (house / file).write_text("two")

    assert revision(house) == before
