"""What a driver answers about its GPU."""

import ctypes

from models.tensorrt.gpu import Gpu, find_gpu


class FakeDriver:
    """`libcuda.so.1` and `libnvidia-ml.so.1` in one; numbers are written where asked."""

    def __init__(self, count=1, starts=True, manages=True):
        self._count = count
        self.cuInit = lambda flags: 0 if starts else 100
        self.nvmlInit_v2 = lambda: 0 if manages else 9
        self.nvmlShutdown = lambda: 0

    def cuDeviceGetCount(self, where):  # noqa: N802 - the driver's names
        return self._write(where, self._count)

    def cuDeviceGet(self, where, place):  # noqa: N802 - the driver's names
        return self._write(where, place)

    def cuDriverGetVersion(self, where):  # noqa: N802 - the driver's names
        return self._write(where, 13010)

    def cuDeviceGetAttribute(self, where, number, device):  # noqa: N802
        return self._write(where, {75: 9, 76: 0}[number])

    def cuDeviceGetName(self, where, size, device):  # noqa: N802 - the driver's names
        where.value = b"NVIDIA H200"
        return 0

    def nvmlSystemGetDriverVersion(self, where, size):  # noqa: N802
        where.value = b"590.44"
        return 0

    @staticmethod
    def _write(where, value):
        ctypes.cast(where, ctypes.POINTER(ctypes.c_int))[0] = value
        return 0


def test_gpu_is_what_its_driver_says():
    found = find_gpu(lambda name: FakeDriver())

    assert found == Gpu("NVIDIA H200", "9.0", "590.44", "13.1")


def test_driver_without_a_gpu_is_none():
    assert find_gpu(lambda name: FakeDriver(count=0)) is None
    assert find_gpu(lambda name: FakeDriver(starts=False)) is None


def test_machine_without_a_driver_has_no_gpu():
    def missing(name):
        raise OSError(name)

    assert find_gpu(missing) is None


def test_driver_whose_version_is_not_told_is_unknown():
    found = find_gpu(lambda name: FakeDriver(manages=False))

    assert found is not None
    assert found.driver == "unknown"
