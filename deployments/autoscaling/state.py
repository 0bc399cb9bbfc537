"""What was learnt, on disk: written whole or not at all, read with distrust."""

import json
import logging
import os
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deployments.autoscaling.errors import StateUnreadable
from deployments.autoscaling.memory import Block, Memory

VERSION = 1
log = logging.getLogger(__name__)


def snapshot(memory: Memory) -> dict[str, npt.NDArray[Any]]:
    """Copies of all that lasts, to be written by another thread."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for part, rows in memory.lasting_parts().items():
        for name, array in rows.arrays().items():
            arrays[f"{part}.{name}"] = _small(array)
    head = json.dumps({"version": VERSION, "names": memory.names})
    arrays["head"] = np.frombuffer(head.encode(), np.uint8)
    return arrays


def write(arrays: dict[str, npt.NDArray[Any]], file: Path) -> None:
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


def _small(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Half the size: no learnt number needs more than seven digits."""
    return array.astype(np.float32) if array.dtype == np.float64 else array.copy()
