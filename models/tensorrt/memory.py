"""Memory of the GPU and pinned memory beside it, by torch or by cuda-python."""

import ctypes
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import ToolFailed

Bytes = NDArray[np.uint8]


class Memory(Protocol):
    """Buffers, and one stream on which copies and runs follow each other."""

    @property
    def stream(self) -> int:
        """The handle of the stream."""
        ...

    def device(self, size_bytes: int) -> int:
        """The address of a new buffer on the GPU; it lives as long as this."""
        ...

    def pinned(self, size_bytes: int) -> Bytes:
        """A new buffer that the GPU copies from and to by itself."""
        ...

    def upload(self, address: int, content: Bytes) -> None:
        """Have `content`, which is pinned, copied to `address`; returns at once."""
        ...

    def download(self, content: Bytes, address: int) -> None:
        """Have `content`, which is pinned, filled from `address`; returns at once."""
        ...

    def wait(self) -> None:
        """Until everything on the stream is done."""
        ...


def find_memory() -> Memory:
    """Torch's where it sees a GPU, else cuda-python's.

    Raises:
        ToolFailed: neither is there.
    """
    if find_spec("torch") is not None:
        torch = import_module("torch")
        if torch.cuda.is_available():
            return TorchMemory(torch)
    try:
        runtime = import_module("cuda.bindings.runtime")
    except ImportError as error:
        reason = "torch sees no GPU and cuda-python is missing; install one for CUDA"
        raise ToolFailed("tensorrt", "GPU memory", reason) from error
    return CudaMemory(runtime)


class TorchMemory:
    """Of torch, which the build environment has."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self._stream = torch.cuda.Stream()
        self._buffers: dict[int, Any] = {}

    @property
    def stream(self) -> int:
        return int(self._stream.cuda_stream)

    def device(self, size_bytes: int) -> int:
        held = self._torch.empty(size_bytes, dtype=self._torch.uint8, device="cuda")
        self._buffers[held.data_ptr()] = held
        return int(held.data_ptr())

    def pinned(self, size_bytes: int) -> Bytes:
        held = self._torch.empty(size_bytes, dtype=self._torch.uint8, pin_memory=True)
        view: Bytes = held.numpy()  # keeps the tensor alive
        return view

    def upload(self, address: int, content: Bytes) -> None:
        with self._torch.cuda.stream(self._stream):
            pinned = self._torch.from_numpy(content)
            self._buffers[address][: content.size].copy_(pinned, non_blocking=True)

    def download(self, content: Bytes, address: int) -> None:
        with self._torch.cuda.stream(self._stream):
            held = self._buffers[address][: content.size]
            self._torch.from_numpy(content).copy_(held, non_blocking=True)

    def wait(self) -> None:
        self._stream.synchronize()


class CudaMemory:
    """Of `cuda.bindings.runtime`, where torch is not installed or built for CPU."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self._stream = self._do(runtime.cudaStreamCreate())
        self._device: list[Any] = []
        self._pinned: list[Any] = []

    @property
    def stream(self) -> int:
        return int(self._stream)

    def device(self, size_bytes: int) -> int:
        address = self._do(self._runtime.cudaMalloc(size_bytes))
        self._device.append(address)
        return int(address)

    def pinned(self, size_bytes: int) -> Bytes:
        address = self._do(self._runtime.cudaHostAlloc(size_bytes, 0))
        self._pinned.append(address)
        held = (ctypes.c_uint8 * size_bytes).from_address(int(address))
        return np.ctypeslib.as_array(held)

    def upload(self, address: int, content: Bytes) -> None:
        up = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._copy(address, content.ctypes.data, content.size, up)

    def download(self, content: Bytes, address: int) -> None:
        down = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._copy(content.ctypes.data, address, content.size, down)

    def wait(self) -> None:
        self._do(self._runtime.cudaStreamSynchronize(self._stream))

    def close(self) -> None:
        """Give everything back; no buffer may be used any more."""
        self.wait()
        for address in self._device:
            self._do(self._runtime.cudaFree(address))
        for address in self._pinned:
            self._do(self._runtime.cudaFreeHost(address))
        self._do(self._runtime.cudaStreamDestroy(self._stream))
        self._device, self._pinned = [], []

    def _copy(self, to: int, start: int, size_bytes: int, kind: object) -> None:
        copied = self._runtime.cudaMemcpyAsync(
            to, start, size_bytes, kind, self._stream
        )
        self._do(copied)

    def _do(self, answered: tuple[Any, ...]) -> Any:
        """The value of a call, whose first part is its error code."""
        code, *value = answered
        if int(code) != 0:
            raise ToolFailed("tensorrt", "GPU memory", f"CUDA says {code}")
        return value[0] if value else None
