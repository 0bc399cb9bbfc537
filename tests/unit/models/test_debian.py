"""Files inside Debian packages, with stand-ins for apt-get and dpkg-deb."""

from pathlib import Path

import pytest

from models.debian import debian_files
from models.errors import SourceUnreachable

URI = "deb://dataset-tiny@0.0~git1-1/usr/share/tiny/*.gz"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins on PATH: a download that leaves a file, an unpacking that makes two."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder / "apt-get", 'echo "$@" >> "$0.log"; : > tiny.deb')
    script(
        folder / "dpkg-deb",
        "/bin/mkdir -p $3/usr/share/tiny; : > $3/usr/share/tiny/b.gz;"
        " : > $3/usr/share/tiny/a.gz",
    )
    monkeypatch.setenv("PATH", str(folder))
    return folder


def script(file: Path, body: str) -> None:
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


def test_package_is_downloaded_once_and_unpacked_into_the_cache(tmp_path, tools):
    first = debian_files(URI, tmp_path / "cache")
    again = debian_files(URI, tmp_path / "cache")

    assert [file.name for file in first] == ["a.gz", "b.gz"]
    assert first == again
    log = (tools / "apt-get.log").read_text()
    assert log == "download --quiet dataset-tiny=0.0~git1-1\n"
    left = [file.name for file in (tmp_path / "cache" / "debian").iterdir()]
    assert left == ["dataset-tiny-0.0~git1-1"], "no scratch stays"


def test_missing_apt_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(
        SourceUnreachable, match="apt-get is missing: run this on Debian"
    ):
        debian_files(URI, tmp_path)


def test_what_apt_says_is_told_and_nothing_is_kept(tmp_path, tools):
    script(tools / "apt-get", "echo 'E: Version was not found' >&2; exit 100")

    with pytest.raises(
        SourceUnreachable, match="E: Version was not found; `apt-get up"
    ):
        debian_files(URI, tmp_path / "cache")

    assert list((tmp_path / "cache" / "debian").iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("deb://x/y", "must look like"),
        ("deb://-o@1/y", "must look like"),
        ("deb://tiny@--option/y", "must look like"),
        ("deb://tiny@1/../secret", "must stay inside"),
        ("deb://tiny@1//etc/passwd", "must stay inside"),
        ("deb://tiny@1/no-such-file", "holds no such file"),
    ],
)
def test_wrong_uri_is_refused_with_the_reason(tmp_path, tools, uri, reason):
    with pytest.raises(SourceUnreachable, match=reason):
        debian_files(uri, tmp_path)
