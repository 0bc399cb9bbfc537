"""IDX, the format of MNIST and its heirs: one array of bytes behind a short header.

Format: two zero bytes, the datatype (8: unsigned bytes), the number of dimensions, then
each of them as 4 bytes, the most significant first. `.gz` files are read as they are.
"""

import gzip
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 1 << 31


def read_idx(file: Path) -> NDArray[np.uint8]:
    """The array that `file` holds.

    Raises:
        ValueError: it is not IDX of bytes, or shorter or longer than it says.
        OSError: it cannot be read or unpacked.
    """
    try:
        with _open(file) as content:
            shape = _shape(content.read(4), content)
            size = int(np.prod(shape, dtype=np.float64))
            if size > MAX_BYTES:
                raise ValueError(f"says it holds {size} bytes, at most {MAX_BYTES}")
            values = content.read(size + 1)
    except EOFError as error:
        raise ValueError("is cut off") from error
    if len(values) != size:
        raise ValueError(f"must hold {size} bytes, is shorter or longer")
    return np.frombuffer(values, np.uint8).reshape(shape)


def _open(file: Path) -> BinaryIO:
    if file.suffix == ".gz":
        return cast("BinaryIO", gzip.open(file))
    return file.open("rb")


def _shape(magic: bytes, content: BinaryIO) -> tuple[int, ...]:
    if len(magic) < 4 or magic[:3] != b"\x00\x00\x08":
        raise ValueError("is not an IDX file of unsigned bytes")
    header = content.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise ValueError("is cut off")
    return tuple(int(size) for size in np.frombuffer(header, ">u4"))
