"""Which GPU this machine has, asked of its driver; nothing needs to be installed."""

import ctypes
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

NAME_BYTES = 256
_MAJOR, _MINOR = 75, 76
"""Numbers of the driver's attributes for the compute capability."""

OpenLibrary = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Gpu:
    """The first GPU, as far as an engine depends on it; `cuda` is the driver's."""

    name: str
    compute_capability: str
    driver: str
    cuda: str

    def as_json(self) -> dict[str, str]:
        """Its fields."""
        return asdict(self)


def find_gpu(open_library: OpenLibrary = ctypes.CDLL) -> Gpu | None:
    """The first GPU; None: there is none, or no driver for it."""
    try:
        cuda = open_library("libcuda.so.1")
        management = open_library("libnvidia-ml.so.1")
    except OSError:
        return None
    count, device = ctypes.c_int(), ctypes.c_int()
    started = cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0
    if not started or count.value == 0:
        return None
    if cuda.cuDeviceGet(ctypes.byref(device), 0) != 0:
        return None
    name = ctypes.create_string_buffer(NAME_BYTES)
    cuda.cuDeviceGetName(name, NAME_BYTES, device)
    version = ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(version))
    major, minor = (_attribute(cuda, device, number) for number in (_MAJOR, _MINOR))
    return Gpu(
        name=name.value.decode(errors="replace"),
        compute_capability=f"{major}.{minor}",
        driver=_driver(management),
        cuda=f"{version.value // 1000}.{version.value % 1000 // 10}",
    )


def _attribute(cuda: Any, device: ctypes.c_int, number: int) -> int:
    value = ctypes.c_int()
    cuda.cuDeviceGetAttribute(ctypes.byref(value), number, device)
    return value.value


def _driver(management: Any) -> str:
    version = ctypes.create_string_buffer(NAME_BYTES)
    if management.nvmlInit_v2() != 0:
        return "unknown"
    management.nvmlSystemGetDriverVersion(version, NAME_BYTES)
    management.nvmlShutdown()
    return version.value.decode(errors="replace") or "unknown"
