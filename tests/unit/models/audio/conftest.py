"""The front end of a device, compiled here."""

import pytest

from models.audio import device
from tests.front_ends import compile_front_end

STRICT = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Of a spec: the front end that its exported C files make, a row at a time."""

    def build(spec):
        folder = tmp_path_factory.mktemp("device")
        device.write(folder, spec, seed=0)
        source, library = folder / "front_end.c", folder / "front_end.so"
        return compile_front_end(source, library, spec.shape, STRICT)

    return build
