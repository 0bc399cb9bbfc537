"""Which operators, in which versions, releases of ONNX Runtime have on a CPU.

`onnxruntime.json` holds the highest version of every operator, by release; found by asking
each release for its kernels (`get_all_opkernel_def`).
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

Version = tuple[int, ...]


@cache
def kernels(runtime: str) -> Mapping[str, int]:
    """The highest version of each operator that `runtime` (`onnxruntime-1.31`) has.

    Of the newest release asked that is not newer; empty: all that were asked are. An
    operator of another domain than ONNX's own is `domain:name`.
    """
    text = Path(__file__).with_name("onnxruntime.json").read_text(encoding="utf-8")
    told = json.loads(text)
    wanted = _numbers(runtime.rpartition("-")[2])
    known = [
        place
        for place, release in enumerate(told["releases"])
        if _numbers(release)[: len(wanted)] <= wanted
    ]
    if not known:
        return {}
    highest = {
        name: versions[known[-1]] for name, versions in told["operators"].items()
    }
    return {name: version for name, version in highest.items() if version}


@cache
def opset(runtime: str) -> int:
    """The newest version of ONNX's own operators that any kernel of `runtime` is of."""
    own = (v for name, v in kernels(runtime).items() if ":" not in name)
    return max(own, default=0)


def _numbers(version: str) -> Version:
    return tuple(int(part) for part in version.split("."))
