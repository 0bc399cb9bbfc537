"""What this machine can do, as far as making models depends on it."""

import os
import platform
from collections.abc import Collection, Mapping
from pathlib import Path

_EXACT_INT8 = frozenset({"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8"})


def saturates(architecture: str, flags: Collection[str]) -> bool:
    """Whether INT8 kernels on this CPU add products of 8 bits in 16 and so saturate.

    True on x86 without VNNI; the remedy is weights of 7 bits (`reduce_range`).
    """
    x86 = architecture.lower() in ("x86_64", "amd64")
    return x86 and _EXACT_INT8.isdisjoint(flags)


def cpu_flags() -> frozenset[str]:
    """The instruction set flags of this CPU; empty where the system does not tell."""
    return frozenset(_cpuinfo().get("flags", "").split())


def describe() -> Mapping[str, str]:
    """What a latency was measured on."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cpu": _cpuinfo().get("model name", platform.processor() or "unknown"),
        "cores": str(os.cpu_count() or 1),
        "int8": "saturating" if this_saturates() else "exact",
        "python": platform.python_version(),
    }


def kind(described: Mapping[str, str]) -> str:
    """What machines must share for one's answers and times to hold on the other."""
    parts = ("architecture", "cpu", "int8")
    return ", ".join(described.get(part, "unknown") for part in parts)


def this_saturates() -> bool:
    """`saturates`, of this machine."""
    return saturates(platform.machine(), cpu_flags())


def narrow(reduce_range: str) -> bool:
    """What a recipe's `reduce_range` (auto, true or false) means on this machine."""
    return this_saturates() if reduce_range == "auto" else reduce_range == "true"


def _cpuinfo() -> Mapping[str, str]:
    """The first processor of Linux's /proc/cpuinfo."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n", 1)[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
