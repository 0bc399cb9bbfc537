"""The committed stubs are those of the proto."""

from pathlib import Path

from serve_app.oip.generate import PROTO, ROOT, STUBS, generate


def test_committed_stubs_are_fresh(tmp_path: Path):
    generate(tmp_path)

    for name in STUBS:
        fresh = (tmp_path / PROTO).with_name(name).read_text()
        assert (ROOT / PROTO).with_name(name).read_text() == fresh, name
