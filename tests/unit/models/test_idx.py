"""The format of MNIST and its heirs."""

import numpy as np
import pytest

from models.idx import read_idx
from tests.tiny_training import write_idx

VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
def test_array_is_read_plain_and_packed(tmp_path, name):
    found = read_idx(write_idx(tmp_path / name, VALUES))

    assert np.array_equal(found, VALUES)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not an IDX file"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x01a", "is not an IDX file of unsigned bytes"),
        (b"\x00\x00\x08\x02\x00\x00", "is cut off"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x02a", "must hold 2 bytes"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x01ab", "must hold 1 bytes"),
        (b"\x00\x00\x08\x02" + b"\xff" * 8, "at most"),
    ],
)
def test_damaged_file_is_refused_with_the_reason(tmp_path, content, reason):
    file = tmp_path / "damaged"
    file.write_bytes(content)

    with pytest.raises(ValueError, match=reason):
        read_idx(file)


def test_packed_file_that_is_cut_off_is_refused(tmp_path):
    file = write_idx(tmp_path / "packed.gz", VALUES)
    file.write_bytes(file.read_bytes()[:-12])

    with pytest.raises(ValueError, match="is cut off"):
        read_idx(file)
