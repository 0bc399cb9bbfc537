"""The peers, their pins and their ports."""

import json
from pathlib import Path

import pytest

from benchmarks.peers.roster import (
    HERE,
    PEERS,
    Setting,
    ports_of,
    requirements,
    tooling,
    variables,
)

NAMES = [peer.name for peer in PEERS]


def setting(tmp_path, workers=1):
    return Setting(tmp_path / "bin" / "python", tmp_path, ports_of("mosec"), workers)


@pytest.mark.parametrize("name", NAMES)
def test_every_requirement_of_a_peer_is_pinned(name):
    pins = tooling(name).requirements

    assert pins
    assert [pin for pin in pins if pin.count("==") != 1] == []


def test_every_peer_has_the_same_runtime_for_the_model():
    found = {
        pin
        for name in NAMES
        for pin in tooling(name).requirements
        if pin.startswith("onnxruntime==")
    }

    assert len(found) == 1


def test_every_file_of_pins_belongs_to_a_peer():
    assert {file.stem for file in HERE.glob("*.txt")} == set(NAMES)


def test_comments_are_no_requirements(tmp_path):
    file = tmp_path / "some.txt"
    file.write_text("# made by hand\nmosec==1.0\n\n")

    assert requirements(file) == ("mosec==1.0",)


def test_no_two_peers_share_a_port():
    ports = [port for name in NAMES for port in _ports(name)]

    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize("peer", PEERS, ids=NAMES)
def test_peer_runs_in_its_own_environment(peer, tmp_path):
    command = peer.command(setting(tmp_path))

    assert Path(command[0]).parent == tmp_path / "bin"


def test_mlserver_reads_its_batching_from_its_folder(tmp_path):
    (mlserver,) = (peer for peer in PEERS if peer.name == "mlserver")

    mlserver.command(setting(tmp_path))

    served = json.loads((tmp_path / "model-settings.json").read_text())
    assert (served["max_batch_size"], served["max_batch_time"]) == (16, 0.005)


def test_server_is_told_the_model_and_the_workers(tmp_path):
    told = variables(setting(tmp_path, workers=3), tmp_path / "model.onnx")

    assert told["PEER_WORKERS"] == "3"
    assert told["PEER_MODEL"] == str(tmp_path / "model.onnx")


def _ports(name):
    at = ports_of(name)
    return [at.http, at.grpc, at.metrics]
