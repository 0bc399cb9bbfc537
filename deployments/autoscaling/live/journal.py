"""The history of decisions on disk: lines of JSON in a ring of files, oldest thrown away."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

MOST_BYTES = 4 * 2**20
FILES = 4

Line = dict[str, Any]


def journal_file(folder: Path, age: int = 0) -> Path:
    """The file that is written (0) or one of those before it."""
    return folder / ("journal.jsonl" if age == 0 else f"journal.{age}.jsonl")


def append(folder: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write lines; when the file is full it becomes the first of those before it.

    Raises:
        OSError: the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = journal_file(folder)
    with file.open("a", encoding="utf-8") as stream:
        for line in lines:
            stream.write(json.dumps(_finite(line), separators=(",", ":")) + "\n")
        full = stream.tell() >= MOST_BYTES
    if full:
        for age in range(FILES - 1, 0, -1):
            older = journal_file(folder, age - 1)
            if older.exists():
                older.replace(journal_file(folder, age))


def read(folder: Path) -> Iterator[Line]:
    """All lines, the oldest first; what a crash left half-written is left out."""
    for age in range(FILES - 1, -1, -1):
        file = journal_file(folder, age)
        if not file.is_file():
            continue
        with file.open(encoding="utf-8", errors="replace") as stream:
            for text in stream:
                try:
                    line = json.loads(text)
                except ValueError:
                    continue
                if isinstance(line, dict) and "kind" in line:
                    yield line


def _finite(line: Mapping[str, Any]) -> Line:
    """JSON knows no NaN and no infinity; digits beyond the fourth tell nothing."""
    return {key: _number(value) for key, value in line.items()}


def _number(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, 4) if math.isfinite(value) else None
