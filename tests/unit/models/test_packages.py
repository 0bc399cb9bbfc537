"""Files inside installed packages; downloads are in the integration tests."""

from importlib import metadata
from pathlib import Path

import pytest

from models.errors import SourceUnreachable
from models.packages import package_file, package_files

NUMPY = f"package://numpy@{metadata.version('numpy')}"


def test_file_of_an_installed_package_is_used_where_it_lies(tmp_path):
    (found,) = package_files(f"{NUMPY}/numpy/version.py", tmp_path)

    assert found == Path(str(metadata.distribution("numpy").locate_file(""))) / (
        "numpy/version.py"
    )
    assert list(tmp_path.iterdir()) == [], "nothing is copied or downloaded"


def test_pattern_gives_files_in_order_of_name(tmp_path):
    found = package_files(f"{NUMPY}/numpy/fft/_*.py", tmp_path)

    names = [file.name for file in found]
    assert names == sorted(names)
    assert "_helper.py" in names


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("package://numpy/x", "must look like"),
        ("package://-r@1/x", "must look like"),
        ("package://numpy@--index-url/x", "must look like"),
        (f"{NUMPY}/../secret", "must stay inside"),
        (f"{NUMPY}//etc/passwd", "must stay inside"),
        (f"{NUMPY}/numpy/no-such-file", "holds no such file"),
    ],
)
def test_wrong_uri_is_refused_with_the_reason(tmp_path, uri, reason):
    with pytest.raises(SourceUnreachable, match=reason):
        package_files(uri, tmp_path)


def test_pattern_where_one_file_is_wanted_names_the_candidates(tmp_path):
    inside = tmp_path / "packages" / "no-such-dist-9.9.9"
    inside.mkdir(parents=True)
    for name in "abcdef":
        (inside / f"{name}.pth").touch()
    uri = "package://no-such-dist@9.9.9/*.pth"

    with pytest.raises(SourceUnreachable) as refused:
        package_file(uri, tmp_path)

    reason = "must name one file, fits 6: a.pth, b.pth, c.pth, d.pth, e.pth, ..."
    assert refused.value.reason == reason


def test_unpacked_download_is_used_again(tmp_path):
    kept = tmp_path / "packages" / "no-such-dist-9.9.9" / "inside"
    kept.mkdir(parents=True)
    (kept / "a.txt").write_text("here")

    (found,) = package_files("package://no-such-dist@9.9.9/inside/a.txt", tmp_path)

    assert found.read_text() == "here"
