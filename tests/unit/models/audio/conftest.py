"""The front end of a device, compiled here."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from models.audio import device

COMPILER = shutil.which("cc")
STRICT = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Of a spec: the front end that its exported C files make, a row at a time."""
    if COMPILER is None:
        pytest.skip("no C compiler")

    def build(spec):
        folder = tmp_path_factory.mktemp("device")
        device.write(folder, spec, seed=0)
        library, source = folder / "front_end.so", folder / "front_end.c"
        shared = ("-shared", "-fPIC", "-o", library, source)
        subprocess.run([COMPILER, *STRICT, *shared], check=True)
        front_end = ctypes.CDLL(str(library)).front_end

        def picture(pcm):
            row = np.ascontiguousarray(pcm, np.int16)
            found = np.empty(spec.shape, np.uint8)
            front_end(
                ctypes.c_void_p(row.ctypes.data), ctypes.c_void_p(found.ctypes.data)
            )
            return found

        return picture

    return build
