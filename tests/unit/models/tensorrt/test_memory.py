"""Copies by cuda-python, on a runtime whose GPU is the host's memory."""

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

from models.errors import ToolFailed
from models.tensorrt.memory import CudaMemory, find_memory


class FakeCudart:
    """`cuda.bindings.runtime`: every call answers (error code, value...)."""

    cudaMemcpyKind = SimpleNamespace(  # noqa: N815 - CUDA's name
        cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2
    )

    def __init__(self):
        self.held, self.freed, self.full = {}, [], False

    def _new(self, size):
        if self.full:
            return (2, 0)
        buffer = ctypes.create_string_buffer(size)
        self.held[ctypes.addressof(buffer)] = buffer
        return (0, ctypes.addressof(buffer))

    def _free(self, address):
        self.freed.append(address)
        return (0,)

    def __getattr__(self, name):
        calls = {
            "cudaStreamCreate": lambda: (0, 7),
            "cudaMalloc": self._new,
            "cudaHostAlloc": lambda size, flags: self._new(size),
            "cudaMemcpyAsync": self._copy,
            "cudaStreamSynchronize": lambda stream: (0,),
            "cudaFree": self._free,
            "cudaFreeHost": self._free,
            "cudaStreamDestroy": lambda stream: (0,),
        }
        return calls[name]

    def _copy(self, to, start, size, kind, stream):
        ctypes.memmove(to, start, size)
        return (0,)


def test_bytes_go_up_and_come_down():
    memory = CudaMemory(FakeCudart())
    up, down, address = memory.pinned(4), memory.pinned(4), memory.device(4)
    up[:] = [1, 2, 3, 4]

    memory.upload(address, up[:3])
    memory.download(down, address)
    memory.wait()

    assert down.tolist() == [1, 2, 3, 0]


def test_everything_is_given_back():
    runtime = FakeCudart()
    memory = CudaMemory(runtime)
    memory.device(4), memory.pinned(4)

    memory.close()

    assert sorted(runtime.freed) == sorted(runtime.held)


def test_full_gpu_is_an_error_with_its_code():
    runtime = FakeCudart()
    memory = CudaMemory(runtime)
    runtime.full = True

    with pytest.raises(ToolFailed, match="GPU memory failed: CUDA says 2"):
        memory.device(4)


def test_without_cuda_it_says_what_to_install():
    with pytest.raises(ToolFailed, match="install one for CUDA"):
        find_memory()


def test_pinned_memory_is_bytes():
    assert CudaMemory(FakeCudart()).pinned(8).dtype == np.uint8
