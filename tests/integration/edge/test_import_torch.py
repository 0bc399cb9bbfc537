"""Torch programs (.pt2) of somebody else, looked into without converting them."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
import torch

from configs.catalogue import packaged_catalogue
from configs.device import load_devices
from edge.importing.inspector import Converters, inspect
from edge.importing.trying import program_converter
from edge.importing.workplace import Workplace
from tests.tiny_lite import put

DEVICES = load_devices(packaged_catalogue())


def reason(folder, content):
    found = inspect(put(folder, content, "m.pt2"), DEVICES)
    assert not found.is_usable
    return found.reason["code"]


def test_torch_program_is_run_and_summed_up(tmp_path):
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU()).eval()
    file = tmp_path / "small.pt2"
    torch.export.save(torch.export.export(network, (torch.zeros(1, 3),)), file)

    found = inspect(file, DEVICES)

    assert found.reason == {}
    assert found.facts["outputs"][0]["shape"] == [1, 2]
    assert found.facts["cost"]["macs"] == 6


def test_torch_program_of_any_batch_runs_and_its_cost_is_not_guessed(tmp_path):
    file, network = tmp_path / "small.pt2", torch.nn.Linear(3, 2).eval()
    batch = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(network, (torch.zeros(2, 3),), dynamic_shapes=batch)
    torch.export.save(program, file)

    found = inspect(file, DEVICES)

    assert found.reason == {}
    assert found.facts["inputs"][0]["shape"] == [2, 3]
    assert found.facts["cost"] is None


def test_torch_program_that_nothing_converts_has_a_verdict_for_every_class(tmp_path):
    file, network = tmp_path / "small.pt2", torch.nn.Linear(3, 2).eval()
    torch.export.save(torch.export.export(network, (torch.zeros(1, 3),)), file)
    missing = program_converter(Workplace(tmp_path / "envs"))

    found = inspect(file, DEVICES, converters=Converters(program=missing))

    verdict = found.facts["classes"]["mobile"]
    assert found.reason == {}
    assert (verdict["ready"], verdict["mapped"], verdict["total"]) == (False, 0, 1)
    assert verdict["reasons"] == [
        "needs_conversion: litert: not tried, litert-convert is not installed; "
        "--convert installs it"
    ]


def test_torch_program_whose_answers_cannot_be_written_says_so(tmp_path):
    file, network = tmp_path / "small.pt2", torch.nn.Linear(3, 2).eval()
    torch.export.save(torch.export.export(network, (torch.zeros(1, 3),)), file)

    found = inspect(file, DEVICES, tmp_path / "gone" / "golden.npz")

    assert found.reason["code"] == "unwritable"


class Trap:
    """Unpickled, it would write a file."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (Path.write_text, (self.file, "caught"))


def test_torch_program_cannot_run_code_of_its_own(tmp_path):
    sound, caught = tmp_path / "sound.pt2", tmp_path / "caught"
    network = torch.nn.Linear(3, 2).eval()
    torch.export.save(torch.export.export(network, (torch.zeros(1, 3),)), sound)
    trapped = BytesIO()
    torch.save(Trap(caught), trapped)
    replaced = []
    with (
        zipfile.ZipFile(sound) as whole,
        zipfile.ZipFile(tmp_path / "trap.pt2", "w", zipfile.ZIP_STORED) as written,
    ):
        for name in whole.namelist():
            pickled = name.endswith(".pt")
            replaced += [name] if pickled else []
            content = trapped.getvalue() if pickled else whole.read(name)
            written.writestr(name, content)

    found = inspect(tmp_path / "trap.pt2", DEVICES)

    assert replaced
    assert not caught.exists()
    assert not found.is_usable


@pytest.mark.parametrize("part", [0.3, 0.99])
def test_torch_program_that_is_cut_off_is_named(tmp_path, part):
    file = tmp_path / "small.pt2"
    program = torch.export.export(torch.nn.Linear(3, 2).eval(), (torch.zeros(1, 3),))
    torch.export.save(program, file)
    content = file.read_bytes()

    found = reason(tmp_path, content[: int(part * len(content))])

    assert found in ("not_pt2", "damaged")


def test_torch_program_that_is_no_archive_is_named(tmp_path):
    assert reason(tmp_path, b"PK but no archive") == "not_pt2"
