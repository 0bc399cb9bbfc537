"""The table of runtimes, on a model that takes no time."""

import pytest

from benchmarks.backends import BATCHES, CHANGES, main
from tests.tiny_models import build_tiny_store
from tests.tiny_vision import make_tiny_vision


@pytest.fixture
def store(tmp_path):
    return build_tiny_store(make_tiny_vision(tmp_path), tmp_path / "store")


def test_every_way_of_running_a_model_has_a_line(store, capsys):
    where = ["--store", str(store.root), "--model", "eye-a", "--variant", "fp32-onnx"]

    main([*where, "--rounds", "2"])

    said = capsys.readouterr().out
    assert said.startswith("CPU ms a run of eye-a fp32-onnx")
    for way in ("as served", "the file itself", "bound", *CHANGES, "OpenVINO"):
        assert f"| {way} | " in said
    # Two rounds of as many requests as fill the largest batch, all in such batches.
    assert f"| {max(BATCHES)} | 2 | " in said
