"""Copies of real ONNX files that open faster."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from deployments.backends.copies import MAKING
from deployments.backends.onnx import OnnxBackend
from deployments.backends.prepared import MADE, MODEL, WEIGHTS, kind, prepared
from models.errors import StoreCorrupt
from models.store import Store
from tests.full_disk import no_file_beyond

ROWS = np.random.default_rng(0).normal(size=(3, 3, 16, 16)).astype(np.float32)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def fact(store, tmp_path):
    """A convolution and a dense layer, enough for the optimiser to change."""
    draw = np.random.default_rng(1)
    constants = {
        "kernel": draw.normal(size=(8, 3, 3, 3)).astype(np.float32),
        "dense": draw.normal(size=(8 * 16 * 16, 5)).astype(np.float32),  # 41 kB
    }
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "kernel"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("Flatten", ["r"], ["f"]),
            helper.make_node("MatMul", ["f", "dense"], ["y"]),
        ],
        "net",
        [tensor("x", TensorProto.FLOAT, ["batch", 3, 16, 16])],
        [tensor("y", TensorProto.FLOAT, ["batch", 5])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = helper.make_opsetid("", 18)
    file = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), file)
    return store.add_file(file)


def copy_of(store, fact):
    copy = prepared(store, fact)
    assert copy is not None
    return copy


class Usage(NamedTuple):
    """What `shutil.disk_usage` says, as far as it is asked."""

    free: int


HOLD = """
import sys
from pathlib import Path
import numpy as np
from deployments.backends.onnx import OnnxBackend
backend = OnnxBackend(Path(sys.argv[1]), optimised=True)
backend.run({"x": np.ones((1, 3, 16, 16), np.float32)})
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def opened(weights):
    """Another process that has run the copy to which these weights belong."""
    command = [sys.executable, "-c", HOLD, str(weights.with_name(MODEL))]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as replica:
        assert replica.stdout is not None
        assert replica.stdout.readline() == "open\n"
        yield replica
        replica.communicate()


def mapped(pid, file):
    """Resident bytes of a file in a process, and its share of these (PSS)."""
    resident = own_share = 0
    is_of_file = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            is_of_file = line.endswith(str(file))
        elif is_of_file and name == "Rss:":
            resident += 1024 * int(rest[0])
        elif is_of_file and name == "Pss:":
            own_share += 1024 * int(rest[0])
    return resident, own_share


def test_copy_answers_bit_for_bit_as_the_file(store, fact):
    copy = copy_of(store, fact)

    plain = OnnxBackend(store.file(fact)).run({"x": ROWS})
    fast = OnnxBackend(copy, optimised=True).run({"x": ROWS})
    assert np.array_equal(plain["y"], fast["y"])
    assert copy.with_name(WEIGHTS).stat().st_size > copy.stat().st_size


def test_weights_of_an_open_copy_are_mapped(store, fact):
    copy = copy_of(store, fact)

    backend = OnnxBackend(copy, optimised=True)
    backend.run({"x": ROWS})

    assert str(copy.with_name(WEIGHTS)) in Path("/proc/self/maps").read_text()


def test_copy_is_made_once(store, fact):
    first = copy_of(store, fact)
    made = first.stat().st_mtime_ns

    assert prepared(Store(store.root), fact) == first
    assert first.stat().st_mtime_ns == made


def test_copies_made_at_once_are_one_copy(store, fact):
    with ThreadPoolExecutor(4) as threads:
        made = set(threads.map(lambda _: prepared(Store(store.root), fact), range(4)))

    assert len(made) == 1
    assert [p.name for p in (store.root / "prepared").iterdir()] == [
        f"{fact.sha256}-{kind()}"
    ]


def test_what_a_replica_left_that_was_killed_goes_with_the_next_copy(store, fact):
    left = store.root / "prepared" / f"{MAKING}{fact.sha256}-killed"
    left.mkdir(parents=True)

    copy = copy_of(store, fact)

    assert [*left.parent.iterdir()] == [copy.parent]


@pytest.mark.parametrize("name", [MODEL, WEIGHTS, MADE])
def test_torn_copy_is_made_anew(store, fact, name):
    torn = copy_of(store, fact).with_name(name)
    torn.write_bytes(torn.read_bytes()[:-9])

    copy = copy_of(Store(store.root), fact)

    assert json.loads(copy.with_name(MADE).read_text())
    assert OnnxBackend(copy, optimised=True).run({"x": ROWS})["y"].shape == (3, 5)


@pytest.mark.parametrize("already", [False, True], ids=["no copy", "copy"])
def test_file_that_has_changed_is_not_opened_by_its_copy(store, fact, already):
    if already:
        copy_of(store, fact)
    path = store.path(fact.sha256)
    path.chmod(0o644)
    path.write_bytes(bytes(fact.size_bytes))

    with pytest.raises(StoreCorrupt, match="has changed in the store"):
        prepared(store, fact)


def test_full_disk_takes_no_copy_and_the_file_is_opened_as_it_is(
    store, fact, monkeypatch, caplog
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free=fact.size_bytes))

    assert prepared(store, fact) is None

    assert "is opened as it is: the disk has no room for a prepared copy" in caplog.text
    assert store.prepared_files() == []


@pytest.mark.parametrize("size_bytes", [0, 500, 10_000, 30_000])
def test_disk_that_fills_up_while_a_copy_is_made_leaves_none(store, fact, size_bytes):
    """Wherever that is: the runtime writes the weights, then the graph, we the rest."""
    with no_file_beyond(size_bytes):
        assert prepared(store, fact) is None

    assert store.prepared_files() == []
    copy = copy_of(store, fact)
    assert OnnxBackend(copy, optimised=True).run({"x": ROWS})["y"].shape == (3, 5)


def test_processes_share_the_pages_of_a_copy(store, fact):
    weights = copy_of(store, fact).with_name(WEIGHTS)

    with ExitStack() as stack:
        replicas = [stack.enter_context(opened(weights)) for _ in range(2)]
        held = [mapped(replica.pid, weights) for replica in replicas]

    for resident, own_share in held:
        assert resident >= weights.stat().st_size / 2
        assert own_share <= 0.6 * resident


def test_file_that_the_runtime_refuses_has_no_copy(store, tmp_path):
    torn = tmp_path / "torn.onnx"
    torn.write_bytes(b"not a model")

    assert prepared(store, store.add_file(torn)) is None
    assert store.prepared_files() == []
