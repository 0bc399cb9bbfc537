"""The benchmark of cascades, on models small enough for a unit test."""

import sys

from benchmarks import ensembles
from configs.catalogue import load_catalogue
from models.build import build
from models.store import Store
from models.workshop import Workshop
from tests.tiny_vision import make_tiny_vision

MEMBERS = ("eye-a/int8-onnx", "eye-b/int8-onnx")


def test_table_has_a_line_for_each_way_and_promise(tmp_path, monkeypatch, capsys):
    root, home = make_tiny_vision(tmp_path), tmp_path / "home"
    shop = Workshop(load_catalogue(root), Store(home / "store"), home / "cache")
    list(build(shop))
    monkeypatch.setenv("HEADWATER_HOME", str(home))
    asked = ["--photos", str(tmp_path / "colours"), "--members", *MEMBERS]
    monkeypatch.setattr(
        sys, "argv", ["ensembles", *asked, "--splits", "2", "--drop", "0.5", "20"]
    )

    ensembles.main()

    lines = capsys.readouterr().out.splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| colours 24")]
    assert len(rows) == 2 * 3 * 2
    assert {row[3] for row in rows} == {"0.5", "20"}
    strict = [row for row in rows if row[3] == "0.5"]  # 12 photos cannot promise that
    assert {row[9] for row in strict} == {"100.0"}
