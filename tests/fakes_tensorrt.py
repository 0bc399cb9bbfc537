"""The parts of TensorRT's Python API that we call; "GPU" memory is that of the host.

Its engines double: every output is twice the first input.
"""

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np

from models.tensorrt.api import Api

SEVERITY = SimpleNamespace(INTERNAL_ERROR=0, ERROR=1, WARNING=2)


class FakeTensor:
    def __init__(self, name, shape, datatype="FLOAT"):
        self.name, self.shape = name, shape
        self.dtype = SimpleNamespace(name=datatype)


class FakeNetwork:
    def __init__(self, inputs, outputs):
        self._inputs, self._outputs = inputs, outputs
        self.num_inputs, self.num_outputs = len(inputs), len(outputs)

    def get_input(self, place):
        return self._inputs[place]

    def get_output(self, place):
        return self._outputs[place]


class FakeError:
    def __init__(self, operator, node, text):
        self._said = operator, node, text

    def node_operator(self):
        return self._said[0]

    def node_name(self):
        return self._said[1]

    def desc(self):
        return self._said[2]


class FakeProfile(dict[str, object]):
    def set_shape(self, name, least, best, most):
        self[name] = (least, best, most)


class FakeCache:
    def __init__(self, content):
        self.content = content

    def serialize(self):
        return self.content + b"+timed"


class FakeConfig:
    def __init__(self):
        self.flags, self.profiles, self.cache = [], [], None
        self.progress_monitor = None

    def set_flag(self, flag):
        self.flags.append(flag)

    def add_optimization_profile(self, profile):
        self.profiles.append(profile)
        return len(self.profiles) - 1

    def create_timing_cache(self, content):
        return FakeCache(content)

    def set_timing_cache(self, cache, ignore_mismatch):
        assert not ignore_mismatch
        self.cache = cache
        return True


class FakeTensorrt:
    """A module of TensorRT; what is set on it decides what it says."""

    __version__ = "11.4.0"

    class ILogger:
        Severity = SEVERITY

        def __init__(self):
            self.began = True

    class IProgressMonitor:
        def __init__(self):
            self.began = True

    BuilderFlag = SimpleNamespace(REFIT="REFIT")

    def __init__(self, shape=(-1, 2)):
        inputs, outputs = [FakeTensor("x", shape)], [FakeTensor("y", shape)]
        self.network = FakeNetwork(inputs, outputs)
        self.errors: list[FakeError] = []
        self.plan: bytes | None = b"engine"
        self.config = FakeConfig()
        self.logger: Any = None
        self.said = "out of luck"
        self.context = FakeContext()

    def Builder(self, logger):  # noqa: N802 - TensorRT's names
        self.logger = logger
        return SimpleNamespace(
            create_network=lambda flags: self.network,
            create_builder_config=lambda: self.config,
            create_optimization_profile=FakeProfile,
            build_serialized_network=self._build,
        )

    def OnnxParser(self, network, logger):  # noqa: N802 - TensorRT's names
        return SimpleNamespace(
            parse_from_file=lambda file: not self.errors,
            num_errors=len(self.errors),
            get_error=lambda place: self.errors[place],
        )

    def Runtime(self, logger):  # noqa: N802 - TensorRT's names
        self.logger = logger
        return SimpleNamespace(deserialize_cuda_engine=self._load)

    def _build(self, network, config):
        monitor = config.progress_monitor
        monitor.phase_start("Building", None, 2)
        monitor.phase_start("Within", "Building", 9)
        assert monitor.step_complete("Within", 0)
        assert monitor.step_complete("Building", 0)
        assert monitor.step_complete("Building", 1)
        monitor.phase_finish("Building")
        if self.plan is None:
            self.logger.log(SEVERITY.WARNING, "this is odd")
            self.logger.log(SEVERITY.ERROR, self.said)
        return self.plan

    def _load(self, plan):
        if plan != self.plan:
            self.logger.log(SEVERITY.ERROR, "serialised by another version")
            return None
        return SimpleNamespace(create_execution_context=lambda: self.context)


class FakeContext:
    """Doubles `x` into `y`; remembers profiles and shapes, takes at most 32 rows."""

    def __init__(self):
        self.profiles, self.shapes, self.addresses = [], [], {}
        self.runs = True

    def set_tensor_address(self, name, address):
        self.addresses[name] = address

    def set_optimization_profile_async(self, place, stream):
        self.profiles.append(place)
        return True

    def set_input_shape(self, name, shape):
        self.shapes.append(shape)
        return shape[0] <= 32

    def get_tensor_shape(self, name):
        return self.shapes[-1]

    def execute_async_v3(self, stream):
        size = int(np.prod(self.shapes[-1]))
        rows, answers = (
            np.ctypeslib.as_array((ctypes.c_float * size).from_address(address))
            for address in (self.addresses["x"], self.addresses["y"])
        )
        answers[:] = 2 * rows
        return self.runs


class HostMemory:
    """`Memory` on a machine without a GPU; copies happen at `wait`, in order."""

    stream = 7

    def __init__(self):
        self._buffers: dict[int, np.ndarray] = {}

    def device(self, size_bytes):
        held = np.zeros(size_bytes, np.uint8)
        self._buffers[held.ctypes.data] = held
        return held.ctypes.data

    def pinned(self, size_bytes):
        return np.zeros(size_bytes, np.uint8)

    def upload(self, address, content):
        self._buffers[address][: content.size] = content

    def download(self, content, address):
        content[:] = self._buffers[address][: content.size]

    def wait(self):
        pass


def fake_api(module, kind="tensorrt"):
    return Api(kind, module)
