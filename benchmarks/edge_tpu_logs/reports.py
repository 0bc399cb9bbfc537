"""Published reports of the compiler: read from `published/*.yaml`."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from configs.spec import Spec, read_spec
from edge.readiness.compiler import Compiled, read_report

FOLDER = Path(__file__).parent / "published"

CURRENT = "16."
"""The compiler that the rules describe; 14.1 and 15 map less."""
COUNTED = (CURRENT, "15.", "14.1.")
"""Older ones are kept, and counted nowhere."""


class Published(Spec):
    """One report, word for word, and how the network it is about is made anew."""

    source: str
    """Where it is published, at one commit."""
    report: str
    layers: str | None = None
    """Where the layers are published; None: nowhere, so only the rows speak."""
    net: str | None = None
    """`module:function` below `nets`."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    ends: Literal["float32", "int8", "uint8", "uint8-int8", "uint8-float32"] = "int8"
    """What the file takes and gives; both where only one is said."""
    quantizer: Literal["new", "old"] = "new"
    """Of the converter; TensorFlow before 2.8 had the old one."""
    fitted: bool = False
    """A rule of the checker was learnt from this very report."""
    note: str = ""

    @property
    def said(self) -> Compiled:
        """The report, read."""
        return read_report(self.report)

    @property
    def is_counted(self) -> bool:
        """Whether its compiler is of the generation whose rules are checked."""
        return self.said.version.startswith(COUNTED)

    @property
    def operators(self) -> Counter[str]:
        """How often each operator is in the file, wherever it runs."""
        found = Counter[str]()
        for (name, _), count in self.said.rows.items():
            found[name] += count
        return found


def published(folder: Path = FOLDER) -> Mapping[str, Published]:
    """Every report by its name.

    Raises:
        ConfigError: a file is not such a report.
    """
    files = sorted(folder.glob("*.yaml"))
    return {file.stem: read_spec(file, Published) for file in files}
