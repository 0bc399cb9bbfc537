"""Which GPU is this process's, and what it holds there, on a driver of our own."""

import ctypes
import os
from uuid import UUID

import pytest

from deployments.residency.accelerator import NOT_TOLD, Accelerator

FIRST = UUID("11111111-2222-3333-4444-555555555555")
SECOND = UUID("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
OTHERS = 1000
MINE = os.getpid()
UNKNOWN_NAME = 6


class FakeCuda:
    """Shows the GPUs in `visible`, in that order."""

    def __init__(self, *visible):
        self.visible, self.retained = visible, 0

    def cuInit(self, flags):  # noqa: N802 - the driver's names
        return 0 if self.visible else 100

    def cuDeviceGet(self, device, ordinal):  # noqa: N802
        device._obj.value = ordinal
        return 0

    def cuDeviceGetUuid_v2(self, uuid, device):  # noqa: N802
        uuid.raw = self.visible[device.value].bytes
        return 0

    def cuDevicePrimaryCtxRetain(self, context, device):  # noqa: N802
        self.retained += 1
        return 0


class FakeNvml:
    """The GPUs of a machine by name; of each, bytes by process."""

    def __init__(self, gpus):
        self._gpus, self._names = gpus, list(gpus)

    def nvmlInit_v2(self):  # noqa: N802
        return 0

    def nvmlDeviceGetHandleByUUID(self, name, device):  # noqa: N802
        if name.decode() not in self._names:
            return UNKNOWN_NAME
        device._obj.value = self._names.index(name.decode()) + 1
        return 0

    def nvmlDeviceGetMemoryInfo(self, device, memory):  # noqa: N802
        held = self._held(device).values()
        memory._obj.used = sum(used for used in held if used != NOT_TOLD)
        return 0

    def _held(self, device):
        return self._gpus[self._names[device.value - 1]]


class TellingNvml(FakeNvml):
    """Tells processes apart too, unless it refuses; of this one only while `listed()`."""

    def __init__(self, gpus):
        super().__init__(gpus)
        self.listed, self.refusal = lambda: True, 0

    def nvmlDeviceGetComputeRunningProcesses_v3(self, device, count, found):  # noqa: N802
        if self.refusal:
            return self.refusal
        held = self._held(device).items()
        told = [one for one in held if one[0] != MINE or self.listed()]
        for one, (pid, used) in zip(found, told, strict=False):
            one.pid, one.used = pid, used
        ctypes.cast(count, ctypes.POINTER(ctypes.c_uint))[0] = len(told)
        return 0


def machine(mine, nvml=TellingNvml, kind="GPU"):
    """Two GPUs; this process is on the second, beside somebody else."""
    other = {OTHERS: 700}
    return nvml(
        {f"GPU-{FIRST}": {**other, 4: 5}, f"{kind}-{SECOND}": {**other, **mine}}
    )


def test_bytes_of_this_process_are_counted_on_the_gpu_that_it_is_shown():
    accelerator = Accelerator(FakeCuda(SECOND, FIRST), machine({MINE: 30}))

    assert accelerator.counts_process
    assert accelerator.held_bytes() == 30


def test_context_is_held_before_the_first_look():
    """Else this process is not listed, and the first model would pay for the context."""
    cuda, nvml = FakeCuda(SECOND), machine({MINE: 30})
    nvml.listed = lambda: cuda.retained > 0

    accelerator = Accelerator(cuda, nvml)

    assert accelerator.counts_process
    assert accelerator.held_bytes() == 30


def test_process_that_is_listed_no_more_does_not_hold_nothing():
    nvml = machine({MINE: 30})
    accelerator = Accelerator(FakeCuda(SECOND), nvml)
    nvml.listed = lambda: False

    with pytest.raises(OSError, match="does not list this process any more"):
        accelerator.held_bytes()


def test_driver_that_refuses_later_is_not_taken_to_tell_of_nothing():
    nvml = machine({MINE: 30})
    accelerator = Accelerator(FakeCuda(SECOND), nvml)
    nvml.refusal = 999

    with pytest.raises(OSError, match="NVML answers 999"):
        accelerator.held_bytes()


def test_whole_gpu_is_counted_where_the_driver_tells_of_no_process_at_all():
    nvml = machine({MINE: 30})
    nvml.refusal = 3  # NVML_ERROR_NOT_SUPPORTED

    accelerator = Accelerator(FakeCuda(SECOND), nvml)

    assert not accelerator.counts_process
    assert accelerator.held_bytes() == 730


def test_part_of_a_gpu_is_found_by_its_own_name():
    accelerator = Accelerator(FakeCuda(SECOND), machine({MINE: 30}, kind="MIG"))

    assert accelerator.held_bytes() == 30


@pytest.mark.parametrize(
    ("mine", "nvml"),
    [
        ({77: 30}, TellingNvml),
        ({MINE: 30}, FakeNvml),
        ({MINE: NOT_TOLD, 8: 30}, TellingNvml),
    ],
    ids=["another number in a container", "an old driver", "bytes that are not told"],
)
def test_whole_gpu_is_counted_where_processes_are_not_told_apart(mine, nvml):
    accelerator = Accelerator(FakeCuda(SECOND), machine(mine, nvml))

    assert not accelerator.counts_process
    assert accelerator.held_bytes() == 730


def test_process_without_a_gpu_is_told_what_its_replicas_need():
    with pytest.raises(OSError, match="no GPU: its replicas need num_gpus"):
        Accelerator(FakeCuda(), machine({MINE: 30}))


def test_refusal_of_the_driver_names_its_library():
    with pytest.raises(OSError, match=f"NVML answers {UNKNOWN_NAME}"):
        Accelerator(FakeCuda(UUID(int=1)), machine({MINE: 30}))
