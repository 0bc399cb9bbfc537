"""The C front end that an export leaves, compiled on this machine."""

import ctypes
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Picture = Callable[[NDArray[np.int16]], NDArray[np.uint8]]


def compile_front_end(
    source: Path, target: Path, shape: Sequence[int], flags: Sequence[str] = ()
) -> Picture:
    """What turns one recording into a picture of `shape`; needs `cc`, of the package gcc."""
    command = ["cc", *flags, "-shared", "-fPIC", "-o", str(target), str(source)]
    subprocess.run(command, check=True)
    front_end = ctypes.CDLL(str(target)).front_end

    def picture(pcm: NDArray[np.int16]) -> NDArray[np.uint8]:
        row = np.ascontiguousarray(pcm, np.int16)
        found = np.empty(shape, np.uint8)
        front_end(ctypes.c_void_p(row.ctypes.data), ctypes.c_void_p(found.ctypes.data))
        return found

    return picture
