"""What this process holds on its GPU, as NVIDIA's driver counts it."""

import ctypes
import os
from typing import Any
from uuid import UUID

MOST_PROCESSES = 1024
NOT_TOLD = 2**64 - 1
"""NVML_VALUE_NOT_AVAILABLE: how much a process holds is not known."""

NO_DEVICE = "CUDA shows this process no GPU: its replicas need num_gpus"
UNLISTED = "NVML does not list this process any more"
KINDS = ("GPU", "MIG")
"""How the names of NVML's devices begin."""

_NO_GPU = 100  # CUDA_ERROR_NO_DEVICE


class _Memory(ctypes.Structure):
    """nvmlMemory_t."""

    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class _Process(ctypes.Structure):
    """nvmlProcessInfo_t, as the third form of its call has it."""

    _fields_ = (
        ("pid", ctypes.c_uint),
        ("used", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


class Accelerator:
    """The first GPU that CUDA shows this process, which is the one that backends use.

    NVML shows every GPU of the machine whatever `CUDA_VISIBLE_DEVICES` says, so the GPU
    is found by its UUID.
    """

    def __init__(self, cuda: Any, nvml: Any) -> None:
        """Find the GPU and begin to use it, so that NVML lists this process.

        Args:
            cuda: the library libcuda.so.1.
            nvml: the library libnvidia-ml.so.1.

        Raises:
            OSError: CUDA shows no GPU, or the driver refuses.
        """
        self._nvml = nvml
        _check("NVML", nvml.nvmlInit_v2())
        self._device = _find(nvml, _begin(cuda))
        self.counts_process = self._is_told_apart()

    def held_bytes(self) -> int:
        """Of this process; of the whole GPU where NVML does not tell it apart.

        That is so where the process has another number for the driver than for itself,
        as in most containers.

        Raises:
            OSError: the driver refuses, or does not list this process any more.
        """
        if self.counts_process:
            held_bytes = self._of_process()
            if held_bytes is None:
                raise OSError(UNLISTED)
            return held_bytes
        memory = _Memory()
        told = self._nvml.nvmlDeviceGetMemoryInfo(self._device, ctypes.byref(memory))
        _check("NVML", told)
        return int(memory.used)

    def _is_told_apart(self) -> bool:
        """Whether NVML says what this process holds."""
        try:
            return self._of_process() is not None
        except OSError:  # as in some virtual machines; the whole GPU is counted
            return False

    def _of_process(self) -> int | None:
        """What NVML says of this process; None: nothing.

        Raises:
            OSError: the driver refuses.
        """
        ask = getattr(self._nvml, "nvmlDeviceGetComputeRunningProcesses_v3", None)
        if ask is None:  # a driver before 510
            return None
        count, processes = ctypes.c_uint(MOST_PROCESSES), (_Process * MOST_PROCESSES)()
        _check("NVML", ask(self._device, ctypes.byref(count), processes))
        used = [one.used for one in processes[: count.value] if one.pid == os.getpid()]
        return None if not used or NOT_TOLD in used else sum(used)


def open_accelerator() -> Accelerator:
    """The GPU of this process.

    Raises:
        OSError: there is no driver, or no GPU for this process.
    """
    nvml = ctypes.CDLL("libnvidia-ml.so.1")
    return Accelerator(ctypes.CDLL("libcuda.so.1"), nvml)


def _begin(cuda: Any) -> UUID:
    """The first GPU, whose context this process now holds as its backends will."""
    code = cuda.cuInit(0)
    if code == _NO_GPU:
        raise OSError(NO_DEVICE)
    _check("CUDA", code)
    device, context = ctypes.c_int(), ctypes.c_void_p()
    named = ctypes.create_string_buffer(16)
    _check("CUDA", cuda.cuDeviceGet(ctypes.byref(device), 0))
    _check("CUDA", cuda.cuDeviceGetUuid_v2(named, device))
    _check("CUDA", cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device))
    return UUID(bytes=named.raw)


def _find(nvml: Any, uuid: UUID) -> ctypes.c_void_p:
    """NVML's device of that UUID, a whole GPU or a part of one."""
    device, code = ctypes.c_void_p(), 0
    for kind in KINDS:
        name = f"{kind}-{uuid}".encode()
        code = nvml.nvmlDeviceGetHandleByUUID(name, ctypes.byref(device))
        if code == 0:
            break
    _check("NVML", code)
    return device


def _check(library: str, code: int) -> None:
    if code != 0:
        raise OSError(f"{library} answers {code}")
