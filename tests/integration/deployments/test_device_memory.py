"""What the accelerator holds, as its driver counts it."""

from ctypes.util import find_library

import pytest

from deployments.residency.memory import private, resident_bytes, with_device

HAS_DRIVER = find_library("nvidia-ml") is not None


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_DRIVER, reason="needs an NVIDIA driver")
def test_device_memory_is_counted():
    gauge = with_device()

    assert gauge().device > 0


@pytest.mark.skipif(HAS_DRIVER, reason="there is an accelerator")
def test_machine_without_an_accelerator_says_so():
    with pytest.raises(OSError, match="libnvidia-ml"):
        with_device()


def test_own_memory_is_counted_without_what_is_shared():
    before, whole = private().host, resident_bytes()
    block = bytearray(64 << 20)

    assert private().host - before >= 60 << 20
    assert resident_bytes() - whole >= 60 << 20
    assert private().host < resident_bytes()
    del block
