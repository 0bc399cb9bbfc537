"""What was learnt, on disk: written whole or not at all, read with distrust."""

import json
import logging
import os
import tempfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deployments.autoscaling.errors import StateUnreadable
from deployments.autoscaling.memory import Block, Memory

VERSION = 2
ROWS_AT_ONCE = 50
log = logging.getLogger(__name__)

Arrays = dict[str, npt.NDArray[Any]]


def snapshot(memory: Memory) -> Arrays:
    """Copies of all that lasts, to be written by another thread."""
    copy = Copy(memory)
    while (arrays := copy.go_on(memory)) is None:
        pass
    return arrays


class Copy:
    """Copies of all that lasts, some rows at a time: copying all would take a tick for itself."""

    def __init__(self, memory: Memory) -> None:
        self._begin(memory)

    def go_on(self, memory: Memory) -> Arrays | None:
        """Copy more; gives the copies when all is there. Begins anew where rows have moved."""
        if memory.names != self._names:
            self._begin(memory)
        rows = slice(self._done, self._done + ROWS_AT_ONCE)
        for key, array in _lasting(memory):
            self._arrays[key][rows] = array[rows]
        self._done += ROWS_AT_ONCE
        if self._done < len(self._names):
            return None
        head = json.dumps({"version": VERSION, "names": self._names})
        return {**self._arrays, "head": np.frombuffer(head.encode(), np.uint8)}

    def _begin(self, memory: Memory) -> None:
        self._names, self._done = list(memory.names), 0
        self._arrays = {
            key: np.empty_like(array, dtype=_small(array.dtype))
            for key, array in _lasting(memory)
        }


def _lasting(memory: Memory) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for part, rows in memory.lasting_parts().items():
        for name, array in rows.arrays().items():
            yield f"{part}.{name}", array


def write(arrays: Arrays, file: Path) -> None:
    """Replace the file by these arrays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(file: Path) -> dict[str, Block]:
    """What was learnt about each deployment.

    Raises:
        StateUnreadable: the file is damaged or of another version.
    """
    try:
        with np.load(BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        head = json.loads(arrays.pop("head").tobytes())
        version, names = head["version"], [str(name) for name in head["names"]]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise StateUnreadable(file, f"cannot be read: {error}") from error
    except EOFError as error:
        raise StateUnreadable(file, "ends too early") from error
    if version != VERSION:
        raise StateUnreadable(file, f"version must be {VERSION}, got {version}")
    if any(len(array) != len(names) for array in arrays.values()):
        raise StateUnreadable(file, "holds more or fewer rows than names")
    return {name: _block(arrays, row) for row, name in enumerate(names)}


def resume(memory: Memory, file: Path) -> list[str]:
    """Take back what fits; what does not is left with a warning. Gives the names taken."""
    if not file.exists():
        return []
    try:
        blocks = read(file)
    except StateUnreadable as error:
        log.warning("autoscaling starts without what it had learnt: %s", error)
        return []
    taken = []
    for name, block in blocks.items():
        if name not in memory.names:
            memory.park(name, block)
            continue
        try:
            memory.restore(name, block)
            taken.append(name)
        except ValueError as error:
            log.warning("autoscaling of %s starts anew: %s", name, error)
    return taken


def _block(arrays: dict[str, npt.NDArray[Any]], row: int) -> Block:
    block: Block = {}
    for key, array in arrays.items():
        part, _, name = key.partition(".")
        block.setdefault(part, {})[name] = array[row]
    return block


def _small(kind: np.dtype[Any]) -> np.dtype[Any]:
    """Half the size: no learnt number needs more than seven digits."""
    return np.dtype(np.float32) if kind == np.float64 else kind
