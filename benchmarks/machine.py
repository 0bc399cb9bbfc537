"""What the numbers were measured on; no host name, no address."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import psutil

_CPUINFO = Path("/proc/cpuinfo")
_PACKAGES = ("ray", "onnxruntime", "numpy", "pillow", "aiohttp", "grpcio")


def machine() -> Mapping[str, str]:
    """CPU model, cores, memory and system."""
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "memory_gib": f"{psutil.virtual_memory().total / 2**30:.0f}",
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": f"{os.getloadavg()[0]:.2f}",
    }


def versions() -> Mapping[str, str]:
    """Python and the packages that take part."""
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def commit() -> str:
    """The short commit, with `+changes` when the tree differs from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+changes", "--exclude=*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def slug(facts: Mapping[str, str]) -> str:
    """A short name for file names: `amd-epyc-2-cores`."""
    words = re.findall(r"[a-z0-9]+", facts["cpu"].lower())
    return "-".join([*words[:4], facts["cores"], "cores"])


def _cpu_model() -> str:
    if _CPUINFO.is_file():
        found = re.search(r"^model name\s*:\s*(.+)$", _CPUINFO.read_text(), re.M)
        if found:
            return found.group(1).strip()
    return platform.processor() or platform.machine()
