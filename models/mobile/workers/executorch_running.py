"""A .pte, run by ExecuTorch."""

from typing import Any

import torch
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime

from models.mobile.workers import Run


def opened(model: str, threads: int) -> Run:
    """The program's answer [1, n] to one row.

    Raises:
        RuntimeError: the runtime refuses the file.
    """
    portable_lib._unsafe_reset_threadpool(threads)
    program = Runtime.get().load_program(model)
    method = program.load_method("forward")

    def run(row: Any) -> Any:
        (found,) = method.execute([torch.from_numpy(row)])
        return found.numpy().copy()

    return run
