"""How much memory a model takes, measured in a process of its own.

The file is also what that process runs (isolated: without this package), so it imports
nothing of ours.
"""

import json
import subprocess
import sys
from pathlib import Path

TIMEOUT_S = 300
PAGES, PEAK = "VmRSS", "VmHWM"


def peak_memory_bytes(model: Path, rows: tuple[int, ...]) -> int | None:
    """By how much opening `model` and running it once grew a process at most.

    Args:
        model: ONNX with one FP32 input.
        rows: the shape of what it is run on.

    Returns:
        Bytes; None where the system does not tell or the model does not run.
    """
    command = [sys.executable, "-I", __file__, str(model), json.dumps(rows)]
    try:
        told = subprocess.run(  # noqa: S603 our own file, no shell
            command, capture_output=True, check=True, timeout=TIMEOUT_S
        )
        grown: int | None = json.loads(told.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return grown


def _measure(model: str, rows: list[int]) -> int:
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    values = np.zeros(rows, np.float32)
    # Importing peaks above what stays: 5 forgets that peak, see proc_pid_clear_refs(5).
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status(PAGES)
    session = onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"]
    )
    session.run(None, {session.get_inputs()[0].name: values})
    return max(0, _status(PEAK) - before)


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return 1024 * int(value.split()[0])
    raise OSError(key)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(sys.argv[1], json.loads(sys.argv[2]))))
